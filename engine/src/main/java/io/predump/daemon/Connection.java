package io.predump.daemon;

import io.predump.engine.RunResult;
import io.predump.engine.SessionOptions;
import io.predump.images.ChainVerifier;
import io.predump.linux.net.Deadline;
import io.predump.linux.net.UnixSocket;
import io.predump.proto.control.AttachCall;
import io.predump.proto.control.Event;
import io.predump.proto.control.FinishCall;
import io.predump.proto.control.Hello;
import io.predump.proto.control.Request;
import io.predump.proto.control.SessionList;
import java.io.IOException;
import java.util.Optional;

/**
 * One peer: Hello, then one request after another, each answered by events and what ends it. Runs
 * on a thread of its own.
 */
final class Connection implements Runnable {
  /** Of the protocol. */
  static final int VERSION = 1;

  private static final long LOOK_MILLIS = 500;

  private final UnixSocket socket;
  private final Peer peer;
  private final Sessions sessions;
  private final SessionOptions defaults;
  private final ServerLimits limits;
  private final MessageChannel channel;
  private volatile boolean greeted;

  /**
   * @param socket owned
   */
  Connection(
      UnixSocket socket,
      Peer peer,
      Sessions sessions,
      SessionOptions defaults,
      ServerLimits limits) {
    this.socket = socket;
    this.peer = peer;
    this.sessions = sessions;
    this.defaults = defaults;
    this.limits = limits;
    this.channel = new MessageChannel(socket, limits.requestBytes(), limits.messageTime());
  }

  Peer peer() {
    return peer;
  }

  /** {@return whether it has said Hello} */
  boolean greeted() {
    return greeted;
  }

  /** Ends it; for any thread. */
  void end() {
    socket.shutdown();
  }

  @Override
  public void run() {
    try (socket) {
      converse();
    } catch (IOException e) {
      // The peer is gone, silent or slow: nobody is left to tell.
    }
  }

  private void converse() throws IOException {
    try {
      Optional<Hello> hello = channel.read(Hello.parser(), Deadline.after(limits.messageTime()));
      if (hello.isEmpty()) {
        return;
      }
      Hello.Builder own =
          Hello.newBuilder().setVersion(VERSION).setProgram("predump " + defaults.engineVersion());
      if (hello.get().getVersion() != VERSION) {
        String why = "version " + hello.get().getVersion() + " of the protocol: this is " + VERSION;
        own.setFailure(WireSessions.of(new Failure(ErrorCode.USAGE, why)));
      }
      greeted = !own.hasFailure();
      channel.write(own.build(), soon());
      if (!greeted) {
        return;
      }
      while (true) {
        Optional<Request> request = channel.read(Request.parser(), Deadline.NEVER);
        if (request.isEmpty()) {
          return;
        }
        answer(request.get());
      }
    } catch (DaemonException e) {
      // What does not keep to the protocol is told so, and left.
      fail(e);
    }
  }

  private Deadline soon() {
    return Deadline.after(limits.answerTime());
  }

  private void send(Event event) throws IOException {
    channel.write(event, soon());
  }

  private void fail(Throwable thrown) throws IOException {
    Failure failure = Failure.of(thrown);
    sessions.requestFailed(failure);
    send(Event.newBuilder().setFailure(WireSessions.of(failure)).build());
  }

  /** Everything that goes wrong with a request is an answer; only the answering itself may fail. */
  private void answer(Request request) throws IOException {
    Event answer;
    try {
      answer = handle(request);
    } catch (Unreachable e) {
      throw new IOException(e.getMessage(), e);
    } catch (IllegalArgumentException e) {
      fail(new DaemonException(ErrorCode.USAGE, String.valueOf(e.getMessage())));
      return;
    } catch (IOException | RuntimeException | OutOfMemoryError e) {
      fail(e);
      return;
    }
    send(answer);
  }

  /** The peer does not take what it is told. */
  private static final class Unreachable extends IOException {
    private static final long serialVersionUID = 1L;

    Unreachable(IOException cause) {
      super(cause.getMessage(), cause);
    }
  }

  private Event handle(Request request) throws IOException {
    int calls = request.getAllFields().size();
    if (calls != 1) {
      throw new DaemonException(ErrorCode.USAGE, "a request has one call: this has " + calls);
    }
    if (request.hasAttach()) {
      return attach(request.getAttach());
    }
    if (request.hasRound()) {
      ManagedSession session = find(request.getRound().getSession());
      return run(session, session.roundsWork(WireSessions.options(request.getRound())), false);
    }
    if (request.hasFinish()) {
      return finish(request.getFinish());
    }
    if (request.hasProbe()) {
      return Event.newBuilder()
          .setProbe(WireProbes.of(sessions.probe(peer, request.getProbe(), defaults)))
          .build();
    }
    if (request.hasStatus()) {
      return session(find(request.getStatus().getSession()));
    }
    if (request.hasDetach()) {
      ManagedSession session = find(request.getDetach().getSession());
      sessions.detach(session);
      return session(session);
    }
    if (request.hasList()) {
      SessionList.Builder list = SessionList.newBuilder();
      sessions.list(peer).forEach(s -> list.addSessions(WireSessions.of(s.status())));
      return Event.newBuilder().setList(list).build();
    }
    if (request.hasWatch()) {
      return watch(find(request.getWatch().getSession()));
    }
    ManagedSession session = find(request.getVerify().getSession());
    sessions.rules().requireMayVerify(peer);
    ChainVerifier.Report report = session.verifyFiles();
    return Event.newBuilder().setVerify(WireSessions.of(report, session.imagesDir())).build();
  }

  private ManagedSession find(String key) throws DaemonException {
    return sessions.find(peer, key);
  }

  private static Event session(ManagedSession session) {
    return Event.newBuilder().setSession(WireSessions.of(session.status())).build();
  }

  private Event attach(AttachCall call) throws IOException {
    return session(sessions.attach(peer, WireSessions.request(call, defaults)));
  }

  private Event finish(FinishCall call) throws IOException {
    ManagedSession session = find(call.getSession());
    FinishRequest request = WireSessions.request(call, session.request().options().freezeCgroup());
    sessions.rules().requireMayFinish(peer, request);
    return run(session, session.finishWork(request), true);
  }

  /** Has a session work, and tells what goes on meanwhile. */
  private Event run(ManagedSession session, SessionWork<RunResult> work, boolean last)
      throws IOException {
    EventQueue events = new EventQueue(limits.queuedEvents());
    RunResult result;
    try (Watching watching = session.watch(events)) {
      Job<RunResult> job = session.submit(work);
      while (!job.isDone()) {
        tell(events, LOOK_MILLIS / 10);
      }
      result = job.await();
      while (tell(events, 0)) {}
    }
    if (last) {
      session.awaitEnd();
    }
    return Event.newBuilder()
        .setRun(WireRounds.of(result, session.imagesDir().toString(), session.status().tracker()))
        .build();
  }

  private Event watch(ManagedSession session) throws IOException {
    EventQueue events = new EventQueue(limits.queuedEvents());
    try (Watching watching = session.watch(events)) {
      while (!events.ended() && session.isLive()) {
        if (!tell(events, LOOK_MILLIS) && channel.hasInput()) {
          // It asks for something else, or is gone.
          break;
        }
      }
      while (tell(events, 0)) {}
    }
    return session(session);
  }

  /** {@return whether there was something to tell} */
  private boolean tell(EventQueue events, long millis) throws IOException {
    Event event = events.poll(millis);
    if (event == null) {
      return false;
    }
    try {
      if (events.overrun()) {
        throw new IOException("the peer does not read its events");
      }
      send(event);
      return true;
    } catch (IOException e) {
      throw new Unreachable(e);
    }
  }
}
