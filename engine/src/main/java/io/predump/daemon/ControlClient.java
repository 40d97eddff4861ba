package io.predump.daemon;

import io.predump.engine.LoopListener;
import io.predump.engine.LoopOptions;
import io.predump.engine.RunResult;
import io.predump.images.ChainVerifier;
import io.predump.images.RoundRecords;
import io.predump.linux.Errno;
import io.predump.linux.SyscallException;
import io.predump.linux.net.Deadline;
import io.predump.linux.net.UnixSocket;
import io.predump.proto.control.DetachCall;
import io.predump.proto.control.Event;
import io.predump.proto.control.Hello;
import io.predump.proto.control.ListCall;
import io.predump.proto.control.Request;
import io.predump.proto.control.Session;
import io.predump.proto.control.StatusCall;
import io.predump.proto.control.VerifyCall;
import io.predump.proto.control.WatchCall;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * The other side of a {@link ControlServer}. One request at a time; used by one thread, but {@link
 * #interrupt} by any. What the daemon refuses is thrown as the {@link DaemonException} it made of
 * it.
 */
public final class ControlClient implements AutoCloseable {
  private static final Duration MESSAGE_TIME = Duration.ofSeconds(10);

  private final UnixSocket socket;
  private final MessageChannel channel;

  private ControlClient(UnixSocket socket) {
    this.socket = socket;
    this.channel = new MessageChannel(socket, MessageChannel.MOST_BYTES, MESSAGE_TIME);
  }

  /**
   * What a daemon did with a session.
   *
   * @param result the rounds, the freeze, the comparison
   * @param imagesDir where the rounds are
   * @param tracker which was in use, and why
   */
  public record Done(RunResult result, Path imagesDir, String tracker) {}

  /**
   * Connects and says Hello.
   *
   * @throws DaemonException if nobody listens there
   * @throws IOException if the socket may not be used, or the daemon does not answer
   */
  public static ControlClient connect(Path path, String program) throws IOException {
    UnixSocket socket;
    try {
      socket =
          UnixSocket.connect(path.toString(), UnixSocket.Type.STREAM, Deadline.after(MESSAGE_TIME));
    } catch (SyscallException e) {
      if (e.is(Errno.ENOENT) || e.is(Errno.ECONNREFUSED)) {
        throw new DaemonException(
            ErrorCode.FAILURE, path + ": no daemon listens there: start predump daemon");
      }
      throw e;
    } catch (IllegalArgumentException e) {
      throw new DaemonException(ErrorCode.USAGE, String.valueOf(e.getMessage()));
    }
    ControlClient client = new ControlClient(socket);
    try {
      client.greet(program);
      return client;
    } catch (IOException | RuntimeException e) {
      socket.close();
      throw e;
    }
  }

  private void greet(String program) throws IOException {
    Deadline deadline = Deadline.after(MESSAGE_TIME);
    channel.write(
        Hello.newBuilder().setVersion(Connection.VERSION).setProgram(program).build(), deadline);
    Hello answer =
        channel
            .read(Hello.parser(), deadline)
            .orElseThrow(() -> new IOException("the daemon ended the connection"));
    if (answer.hasFailure()) {
      throw WireSessions.exception(answer.getFailure());
    }
  }

  /** Attaches a process tree. */
  public SessionStatus attach(AttachRequest request) throws IOException {
    return session(Request.newBuilder().setAttach(WireSessions.of(request)));
  }

  /**
   * Takes live rounds.
   *
   * @param watcher is told how it goes
   */
  public Done rounds(String session, LoopOptions options, LoopListener watcher) throws IOException {
    return done(Request.newBuilder().setRound(WireSessions.call(session, options)), watcher);
  }

  /** Takes the last round; the session ends. */
  public Done finish(String session, FinishRequest request, LoopListener watcher)
      throws IOException {
    return done(Request.newBuilder().setFinish(WireSessions.call(session, request)), watcher);
  }

  private Done done(Request.Builder request, LoopListener watcher) throws IOException {
    Event end = ask(request, watcher);
    return new Done(
        WireRounds.result(end.getRun()),
        Path.of(end.getRun().getImagesDir()),
        end.getRun().getTracker());
  }

  /** {@return how a session is} */
  public SessionStatus status(String session) throws IOException {
    return session(Request.newBuilder().setStatus(StatusCall.newBuilder().setSession(session)));
  }

  /** Ends a session without a last round; returns how it was. */
  public SessionStatus detach(String session) throws IOException {
    return session(Request.newBuilder().setDetach(DetachCall.newBuilder().setSession(session)));
  }

  /** {@return the sessions that we may use} */
  public List<SessionStatus> list() throws IOException {
    Event end =
        ask(Request.newBuilder().setList(ListCall.getDefaultInstance()), LoopListener.SILENT);
    List<SessionStatus> sessions = new ArrayList<>();
    for (Session session : end.getList().getSessionsList()) {
      sessions.add(WireSessions.status(session));
    }
    return sessions;
  }

  /** Watches a session until it ends; returns how it was then. */
  public SessionStatus watch(String session, LoopListener watcher) throws IOException {
    Request.Builder request =
        Request.newBuilder().setWatch(WatchCall.newBuilder().setSession(session));
    return WireSessions.status(ask(request, watcher).getSession());
  }

  /** Checks every file of a session. */
  public ChainVerifier.Report verify(String session) throws IOException {
    Request.Builder request =
        Request.newBuilder().setVerify(VerifyCall.newBuilder().setSession(session));
    return WireSessions.report(ask(request, LoopListener.SILENT).getVerify());
  }

  private SessionStatus session(Request.Builder request) throws IOException {
    return WireSessions.status(ask(request, LoopListener.SILENT).getSession());
  }

  /** Sends a request and tells the watcher of events, until the one that ends it. */
  private Event ask(Request.Builder request, LoopListener watcher) throws IOException {
    channel.write(request.build(), Deadline.after(MESSAGE_TIME));
    while (true) {
      Event event =
          channel
              .read(Event.parser(), Deadline.NEVER)
              .orElseThrow(() -> new IOException("the daemon ended the connection"));
      if (event.hasFailure()) {
        throw WireSessions.exception(event.getFailure());
      }
      if (!tell(event, watcher)) {
        return event;
      }
    }
  }

  /** {@return whether it was an event on the way} */
  private static boolean tell(Event event, LoopListener watcher) {
    if (event.hasBegun()) {
      watcher.roundStarted(event.getBegun().getRound());
    } else if (event.hasProgress()) {
      watcher.progress(
          event.getProgress().getRound(),
          event.getProgress().getDoneBytes(),
          event.getProgress().getTotalBytes());
    } else if (event.hasRound()) {
      watcher.roundFinished(RoundRecords.record(event.getRound()));
    } else if (event.hasThawed()) {
      watcher.thawed(WireRounds.record(event.getThawed()));
    } else if (event.hasWarning()) {
      watcher.warning(event.getWarning());
    } else {
      return false;
    }
    return true;
  }

  /** Ends the request under way and the connection; for any thread. */
  public void interrupt() {
    socket.shutdown();
  }

  @Override
  public void close() {
    socket.close();
  }
}
