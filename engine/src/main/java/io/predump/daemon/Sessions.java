package io.predump.daemon;

import io.predump.engine.CopyBudget;
import io.predump.engine.PreDumpSession;
import io.predump.engine.SessionOptions;
import io.predump.engine.WriteProbe;
import io.predump.linux.Errno;
import io.predump.linux.KernelFeatures;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.proc.ProcessTree;
import io.predump.proto.control.ProbeCall;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * All sessions of a program: one per process tree, bounded in number, found by id, name or pid. For
 * any thread. Closing it lets go of every target.
 *
 * <p>A session whose target has ended stays, to be asked how, until it is detached, or another one
 * takes its pid or name; the oldest of many such go.
 */
public final class Sessions implements AutoCloseable {
  /** Sessions of ended targets that are kept. */
  private static final int KEPT_ENDED = 64;

  private final SessionLimits limits;
  private final CopyBudget budget;
  private final AccessRules rules;
  private final List<SessionObserver> observers;
  private final Map<String, Entry> entries = new LinkedHashMap<>();
  private int lastNumber;
  private boolean closed;

  private record Entry(SessionLife life, ManagedSession session) {}

  /**
   * @param budget what all sessions may take together; owned from now on
   * @param observers are told of every session
   */
  public Sessions(
      SessionLimits limits, CopyBudget budget, AccessRules rules, List<SessionObserver> observers) {
    KernelFeatures.current(); // probed once, with our own rights
    this.limits = limits;
    this.budget = budget;
    this.rules = rules;
    this.observers = List.copyOf(observers);
  }

  /**
   * Attaches a process tree.
   *
   * @param peer on whose behalf
   * @return the session, tracking
   * @throws DaemonException if the peer may not, if the tree or a part of it is in a session
   *     already, if the name is taken, or there are too many sessions
   * @throws IOException as {@link PreDumpSession#attach}
   */
  public ManagedSession attach(Peer peer, AttachRequest request) throws IOException {
    rules.requireMayAttach(peer, request);
    Entry entry = register(peer, request);
    try {
      entry.life.begin();
    } catch (IOException | RuntimeException | Error e) {
      remove(entry.life.id());
      throw e;
    }
    return entry.session;
  }

  /** Tells the observers of a client's request that failed or was refused. */
  public void requestFailed(Failure failure) {
    observers.forEach(observer -> observer.requestFailed(failure));
  }

  private synchronized Entry register(Peer peer, AttachRequest request) throws IOException {
    if (closed) {
      throw new DaemonException(ErrorCode.FAILURE, "the daemon is stopping");
    }
    forgetEnded(request);
    requireRoom(peer);
    requireFree(request.target(), request.options().single(), request.name());
    String id = "s" + ++lastNumber;
    SessionLife life =
        new SessionLife(id, peer, request, () -> open(peer, request), limits, this::gone);
    Entry entry = new Entry(life, new ManagedSession(life));
    observers.forEach(observer -> life.watchers().add(observer.watch(entry.session)));
    entries.put(id, entry);
    return entry;
  }

  /** On the session's own thread, which from here on has the peer's rights on files. */
  private PreDumpSession open(Peer peer, AttachRequest request) throws IOException {
    rules.actFor(peer, request.imagesDir());
    return PreDumpSession.attach(
        request.target(), request.imagesDir(), request.options(), budget, rules.admission(peer));
  }

  /**
   * Watches how a process writes; no session is made.
   *
   * @throws DaemonException if the peer may not
   * @throws IOException as {@link PreDumpSession#probe}
   */
  WireProbes.Seen probe(Peer peer, ProbeCall call, SessionOptions defaults) throws IOException {
    WireProbes.Probing asked = WireProbes.probing(call, defaults);
    rules.requireMayProbe(peer, asked.target());
    requireFree(asked.target(), asked.session().single(), Optional.empty());
    try (WriteProbe probe =
        PreDumpSession.probe(
            asked.target(), asked.session(), asked.probing(), rules.admission(peer))) {
      return new WireProbes.Seen(probe.trackerDescription(), probe.watch());
    }
  }

  /** {@return what decides who may do what} */
  AccessRules rules() {
    return rules;
  }

  /** What has ended makes room for what has the same pid or name. */
  private void forgetEnded(AttachRequest request) {
    entries
        .values()
        .removeIf(
            e ->
                e.life.state() == SessionState.ENDED
                    && (e.session.target().equals(request.target())
                        || (request.name().isPresent()
                            && e.life.request().name().equals(request.name()))));
  }

  private void requireRoom(Peer peer) throws DaemonException {
    List<Entry> living = living();
    if (living.size() >= limits.sessions()) {
      throw new DaemonException(
          ErrorCode.FAILURE, "too many sessions: at most " + limits.sessions());
    }
    long own = living.stream().filter(e -> e.life.owner().uid() == peer.uid()).count();
    if (!peer.isPrivileged() && own >= limits.sessionsPerUser()) {
      throw new DaemonException(
          ErrorCode.FAILURE,
          "too many sessions of user " + peer.uid() + ": at most " + limits.sessionsPerUser());
    }
  }

  private List<Entry> living() {
    return entries.values().stream().filter(e -> e.life.state() != SessionState.ENDED).toList();
  }

  private synchronized void requireFree(Pid target, boolean single, Optional<String> name)
      throws IOException {
    Set<Pid> wanted = tree(target, single);
    for (Entry entry : living()) {
      AttachRequest other = entry.life.request();
      if (name.isPresent() && other.name().equals(name)) {
        throw new DaemonException(
            ErrorCode.USAGE, "session " + entry.life.id() + " has that name already");
      }
      Set<Pid> common = new HashSet<>(tree(other.target(), other.options().single()));
      common.retainAll(wanted);
      if (!common.isEmpty()) {
        throw new DaemonException(
            ErrorCode.LACKING,
            "pid="
                + common.iterator().next()
                + " is in session "
                + entry.life.id()
                + " (pid="
                + other.target()
                + ") already");
      }
    }
  }

  /** {@return the processes that a request means now; that alone which it names if it is gone} */
  private static Set<Pid> tree(Pid target, boolean single) throws IOException {
    if (!single) {
      try {
        return new HashSet<>(ProcessTree.descendants(target));
      } catch (SyscallException e) {
        if (!e.is(Errno.ENOENT) && !e.is(Errno.ESRCH)) {
          throw e;
        }
      }
    }
    return Set.of(target);
  }

  /**
   * {@return the session of the tree that this process is the root of}
   *
   * <p>For code that decides itself who may use it.
   */
  public synchronized Optional<ManagedSession> find(Pid root) {
    return living().stream()
        .map(Entry::session)
        .filter(session -> session.target().equals(root))
        .findFirst();
  }

  /**
   * Finds a session that the peer may use; others are to it as if they were not there.
   *
   * @param key an id, a name or the root's pid
   * @throws DaemonException if there is none
   */
  public synchronized ManagedSession find(Peer peer, String key) throws DaemonException {
    return list(peer).stream()
        .filter(
            session ->
                session.id().equals(key)
                    || session.request().name().equals(Optional.of(key))
                    || session.target().toString().equals(key))
        .findFirst()
        .orElseThrow(() -> new DaemonException(ErrorCode.USAGE, "no such session"));
  }

  /** {@return the sessions that the peer may use, oldest first} */
  public synchronized List<ManagedSession> list(Peer peer) {
    return entries.values().stream()
        .filter(e -> e.life.state() != SessionState.ATTACHING)
        .filter(e -> rules.mayUse(peer, e.life.owner()))
        .map(Entry::session)
        .toList();
  }

  /** {@return how many sessions track something} */
  public synchronized int count() {
    return living().size();
  }

  /** Forgets a session that has ended, or lets go of its target. */
  public void detach(ManagedSession session) {
    session.close();
    remove(session.id());
  }

  private synchronized void remove(String id) {
    entries.remove(id);
  }

  private synchronized void gone(SessionLife life) {
    if (life.state() != SessionState.ENDED) {
      entries.remove(life.id());
    }
    List<String> ended =
        entries.values().stream()
            .filter(e -> e.life.state() == SessionState.ENDED)
            .map(e -> e.life.id())
            .toList();
    if (ended.size() > KEPT_ENDED) {
      entries.remove(Objects.requireNonNull(ended.get(0)));
    }
  }

  /** Drops rounds under way and lets go of every target; waits until all are let go of. */
  @Override
  public void close() {
    List<Entry> all;
    synchronized (this) {
      closed = true;
      all = new ArrayList<>(entries.values());
    }
    all.forEach(entry -> entry.session.abort("the daemon stops"));
    all.forEach(entry -> entry.session.awaitEnd());
    budget.close();
  }
}
