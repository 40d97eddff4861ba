package io.predump.daemon;

import io.predump.engine.PreDumpSession;
import io.predump.engine.RpoSchedule;
import io.predump.engine.StopReason;
import io.predump.images.RoundRecord;
import io.predump.linux.proc.ProcStatus;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The life of one session on its thread: attach, then jobs, rounds of its own for an rpo, a look at
 * the target now and then, and the release.
 */
final class SessionLife implements Runnable {
  /** A target's end is noticed so soon if nothing else happens. */
  private static final long LOOK_NANOS = 1_000_000_000L;

  /** Rounds kept for the summary of a finish. */
  private static final int KEPT_ROUNDS = 256;

  private final String id;
  private final Peer owner;
  private final AttachRequest request;
  private final SessionOpening opening;
  private final Optional<Duration> idleTimeout;
  private final JobQueue jobs;
  private final SessionWatchers watchers = new SessionWatchers();
  private final Consumer<SessionLife> gone;
  private final CompletableFuture<Void> opened = new CompletableFuture<>();
  private final CountDownLatch ending = new CountDownLatch(1);
  private final Optional<RpoSchedule> schedule;
  private long failedNanos;
  private final long bornNanos = System.nanoTime();
  private final long bornUnixMillis = System.currentTimeMillis();
  private final List<RoundRecord> rounds = new ArrayList<>();

  private volatile SessionState state = SessionState.ATTACHING;
  private volatile String processName = "";
  private volatile String tracker = "";
  private final AtomicInteger roundCount = new AtomicInteger();
  private volatile @Nullable RoundRecord newest;
  private volatile long stoppedMicros;
  private volatile long askedNanos = bornNanos;
  private volatile long oldestMicros;
  private volatile List<String> warnings = List.of();
  private volatile List<String> notVerified = List.of();
  private volatile @Nullable StopReason ended;
  private volatile @Nullable String failure;
  private volatile @Nullable PreDumpSession abortable;
  private volatile @Nullable String abortedWhy;

  /** How a session comes to be; runs on the session's thread. */
  interface SessionOpening {
    PreDumpSession open() throws IOException;
  }

  /**
   * @param gone is told when the session has let go
   */
  SessionLife(
      String id,
      Peer owner,
      AttachRequest request,
      SessionOpening opening,
      SessionLimits limits,
      Consumer<SessionLife> gone) {
    this.id = id;
    this.owner = owner;
    this.request = request;
    this.opening = opening;
    this.idleTimeout = request.idleTimeout().or(limits::idleTimeout);
    this.jobs = new JobQueue(limits.waitingJobs());
    this.gone = gone;
    this.schedule = request.rpo().map(RpoSchedule::new);
    watchers.add(new Noting());
  }

  String id() {
    return id;
  }

  Peer owner() {
    return owner;
  }

  AttachRequest request() {
    return request;
  }

  JobQueue jobs() {
    return jobs;
  }

  SessionWatchers watchers() {
    return watchers;
  }

  SessionState state() {
    return state;
  }

  /** {@return whether it has not let go} */
  boolean isLive() {
    return state != SessionState.ENDED && state != SessionState.DETACHED;
  }

  /** {@return the newest rounds; for the session's thread} */
  List<RoundRecord> rounds() {
    return rounds;
  }

  /** Starts the thread, and waits until it is attached. */
  void begin() throws IOException {
    Thread thread = new Thread(this, "predump-session-" + id);
    thread.setDaemon(true);
    thread.start();
    Job.await(opened);
  }

  @Override
  public void run() {
    String why = "the daemon failed";
    try (PreDumpSession session = opening.open()) {
      abortable = session;
      attached(session);
      opened.complete(null);
      why = live(session);
    } catch (IOException | RuntimeException | Error e) {
      // before it is attached the failure is the caller's; after that, letting go has failed
      if (!opened.completeExceptionally(e)) {
        failed(e);
      }
    } finally {
      abortable = null;
      letGo(why);
    }
  }

  private void attached(PreDumpSession session) throws IOException {
    processName = ProcStatus.read(request.target()).name();
    tracker = session.trackerDescription();
    stoppedMicros = session.stoppedMicros();
    session.listen(watchers);
    watchers.begun(tracker);
    refresh(session);
    state = SessionState.IDLE;
  }

  private void letGo(String why) {
    boolean wasAttached = !opened.isCompletedExceptionally();
    StopReason how = ended;
    state = how == null ? SessionState.DETACHED : SessionState.ENDED;
    jobs.close(
        how == null
            ? new DaemonException(ErrorCode.USAGE, "session " + id + " was detached: " + why)
            : new DaemonException(
                ErrorCode.TARGET_GONE, "session " + id + " has ended: " + how.sentence()));
    if (wasAttached) {
      watchers.detached(why);
    }
    gone.accept(this);
    ending.countDown();
  }

  /** {@return why it ended, in words} */
  private String live(PreDumpSession session) {
    while (true) {
      Optional<String> why = whyToEnd(session);
      if (why.isPresent()) {
        return why.get();
      }
      try {
        Optional<Job<?>> job = jobs.poll(untilNextAct());
        if (job.isPresent()) {
          askedNanos = System.nanoTime();
          work(session, job.get());
          askedNanos = System.nanoTime();
        } else if (roundIsDue()) {
          work(session, new Job<>(this::takeRound));
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return "interrupted";
      }
    }
  }

  private void work(PreDumpSession session, Job<?> job) {
    state = SessionState.BUSY;
    Throwable thrown = job.run(session);
    refresh(session);
    state = SessionState.IDLE;
    failedNanos = thrown == null ? 0 : System.nanoTime();
    if (thrown != null) {
      failed(thrown);
    }
    job.tell();
  }

  private Optional<String> whyToEnd(PreDumpSession session) {
    if (abortedWhy != null) {
      return Optional.ofNullable(abortedWhy);
    }
    Optional<String> asked = jobs.finishedUp();
    if (asked.isPresent()) {
      return asked;
    }
    if (noteEnd(session)) {
      return Optional.of("the target is gone");
    }
    long now = System.nanoTime();
    if (request.detachAfter().isPresent()
        && now - bornNanos >= request.detachAfter().get().toNanos()) {
      return Optional.of("its time is over");
    }
    if (idleTimeout.isPresent() && now - askedNanos >= idleTimeout.get().toNanos()) {
      return Optional.of("nobody asked anything of it");
    }
    return Optional.empty();
  }

  private boolean noteEnd(PreDumpSession session) {
    try {
      Optional<StopReason> how = session.endedByNow();
      if (how.isPresent() && ended == null) {
        ended = how.get();
        watchers.ended(how.get());
      }
      return how.isPresent();
    } catch (IOException e) {
      failed(e);
      return false;
    }
  }

  private boolean roundIsDue() {
    return schedule.isPresent() && untilNextRound(System.nanoTime()) <= 0;
  }

  /** One that failed is not tried again at once: a full disk stays full for a while. */
  private long untilNextRound(long now) {
    long wait = schedule.isPresent() ? schedule.get().untilNext(now) : LOOK_NANOS;
    return failedNanos == 0 ? wait : Math.max(wait, failedNanos + LOOK_NANOS - now);
  }

  private long untilNextAct() {
    long now = System.nanoTime();
    long wait = LOOK_NANOS;
    if (schedule.isPresent()) {
      wait = Math.min(wait, untilNextRound(now));
    }
    if (request.detachAfter().isPresent()) {
      wait = Math.min(wait, bornNanos + request.detachAfter().get().toNanos() - now);
    }
    if (idleTimeout.isPresent()) {
      wait = Math.min(wait, askedNanos + idleTimeout.get().toNanos() - now);
    }
    return Math.max(0, wait);
  }

  /** Takes one live round. */
  Optional<RoundRecord> takeRound(PreDumpSession session) throws IOException {
    long began = System.nanoTime();
    Optional<RoundRecord> record = session.round();
    schedule.ifPresent(s -> s.committed(began, System.nanoTime()));
    record.ifPresent(watchers::roundFinished);
    return record;
  }

  private void failed(Throwable thrown) {
    Failure told = Failure.of(thrown);
    failure = told.message();
    watchers.failed(told);
  }

  private void refresh(PreDumpSession session) {
    warnings = session.warnings();
    notVerified = session.notVerified();
    warnings.forEach(watchers::warning);
    schedule.ifPresent(s -> oldestMicros = s.oldestNanos(System.nanoTime()) / 1000);
  }

  /** Drops what is under way, and lets go. */
  void abort(String why) {
    abortedWhy = why;
    jobs.finishNow(why);
    PreDumpSession session = abortable;
    if (session != null) {
      session.cancel();
    }
  }

  void awaitEnd() {
    try {
      ending.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  SessionStatus status() {
    return new SessionStatus(
        id,
        request.name(),
        request.target(),
        processName,
        owner.uid(),
        request.imagesDir(),
        state,
        tracker,
        roundCount.get(),
        Optional.ofNullable(newest),
        stoppedMicros,
        bornUnixMillis,
        (System.nanoTime() - askedNanos) / 1_000_000,
        micros(request.rpo()),
        schedule.isPresent() ? OptionalLong.of(oldestMicros) : OptionalLong.empty(),
        warnings,
        notVerified,
        Optional.ofNullable(ended),
        Optional.ofNullable(failure));
  }

  private static OptionalLong micros(Optional<Duration> time) {
    return time.isPresent() ? OptionalLong.of(time.get().toNanos() / 1000) : OptionalLong.empty();
  }

  /** Keeps what the status and the summary of a finish tell. */
  private final class Noting implements SessionWatcher {
    @Override
    public void roundFinished(RoundRecord record) {
      if (rounds.size() == KEPT_ROUNDS) {
        rounds.remove(0);
      }
      rounds.add(record);
      newest = record;
      roundCount.incrementAndGet();
      failure = null;
    }
  }
}
