package io.predump.daemon;

import io.predump.engine.CopyBudget;
import io.predump.engine.CopyLimits;
import io.predump.engine.SessionOptions;
import io.predump.linux.Errno;
import io.predump.linux.SyscallException;
import io.predump.linux.net.Deadline;
import io.predump.linux.net.UnixSocket;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** A control server of this process, and peers of it that keep to no protocol. */
final class TestServer implements AutoCloseable {
  /** Nobody's: has no processes that could be attached. */
  static final Peer STRANGER = new Peer(54321, 54321, 0, "");

  final Path socket;
  final Sessions sessions;
  private final ControlServer server;

  private TestServer(Path socket, Sessions sessions, ControlServer server) {
    this.socket = socket;
    this.sessions = sessions;
    this.server = server;
  }

  static TestServer start(Path directory, ServerLimits limits) throws IOException {
    return start(directory, limits, socket -> Peer.of(socket.peer()));
  }

  static TestServer start(
      Path directory, ServerLimits limits, ControlServer.Identifying identifying)
      throws IOException {
    Path socket = directory.resolve("control.sock");
    Sessions sessions =
        new Sessions(
            SessionLimits.DEFAULT,
            new CopyBudget(2, 1, CopyLimits.NONE),
            new AccessRules(),
            List.of());
    ControlServer server =
        ControlServer.open(
            socket, sessions, SessionOptions.defaults("test").withThreads(1), limits, identifying);
    return new TestServer(socket, sessions, server);
  }

  ControlClient client() throws IOException {
    return ControlClient.connect(socket, "test");
  }

  /** {@return a connection on which nothing is said yet} */
  UnixSocket raw() throws IOException {
    return UnixSocket.connect(socket.toString(), UnixSocket.Type.STREAM, soon());
  }

  static Deadline soon() {
    return Deadline.after(Duration.ofSeconds(20));
  }

  /** Waits until the server ends the connection, whatever it says before. */
  static void awaitEnd(UnixSocket connection) throws IOException {
    ByteBuffer answer = ByteBuffer.allocate(1 << 16);
    Deadline deadline = soon();
    try {
      while (connection.receive(answer, deadline) >= 0) {
        answer.clear();
      }
    } catch (SyscallException e) {
      if (!e.is(Errno.ECONNRESET)) {
        throw e;
      }
    }
  }

  @Override
  public void close() {
    sessions.close();
    server.close();
  }
}
