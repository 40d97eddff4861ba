package io.predump.criu;

import io.predump.criu.CriuException.Kind;
import io.predump.linux.Fd;
import io.predump.linux.net.Deadline;
import io.predump.linux.net.UnixSocket;
import io.predump.proto.CriuRequest;
import io.predump.proto.CriuResponse;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * A running {@code criu swrk}, and the socket by which it is asked: CRIU's RPC, a message a packet.
 * Its client is this process, so descriptors in a request are ours.
 *
 * <p>It is never killed from here: killed in its work on a tree it may kill that. It ends by itself
 * when it has answered, or when the socket is closed; what it waits for by then has failed.
 */
public final class RpcCriu implements AutoCloseable {
  /** The largest message either way. */
  public static final int MESSAGE_BYTES = 64 << 10;

  private static final String PROGRAM = "/io/predump/linux/rpc";
  private static final String SOCKET = "socket";
  private static final Duration CONNECT_PATIENCE = Duration.ofSeconds(20);
  private static final Duration CONNECT_STEP = Duration.ofMillis(50);

  private final CriuProgram criu;
  private final PrivateDirectory work;
  private final Process process;
  private final UnixSocket socket;

  private RpcCriu(CriuProgram criu, PrivateDirectory work, Process process, UnixSocket socket) {
    this.criu = criu;
    this.work = work;
    this.process = process;
    this.socket = socket;
  }

  /**
   * Starts one.
   *
   * @throws CriuException FAILED if it ends before it has connected
   * @throws IOException if there is no room for temporary files
   */
  public static RpcCriu start(CriuProgram criu) throws IOException {
    return start(criu, PrivateDirectory.makeForPrograms("predump-criu-"), environment -> {});
  }

  /**
   * Starts one.
   *
   * @param work from which programs may run; taken over
   * @param environment changes the environment it gets
   */
  static RpcCriu start(
      CriuProgram criu, PrivateDirectory work, Consumer<Map<String, String>> environment)
      throws IOException {
    try {
      return connected(criu, work, environment);
    } catch (IOException | RuntimeException e) {
      work.close();
      throw e;
    }
  }

  private static RpcCriu connected(
      CriuProgram criu, PrivateDirectory work, Consumer<Map<String, String>> environment)
      throws IOException {
    Path program = unpack(work.path());
    // by its directory's descriptor: a socket's path is 107 bytes at most
    try (Fd directory = Fd.openDirectory(work.path().toString());
        UnixSocket listening =
            UnixSocket.listen(
                "/proc/self/fd/" + directory.number() + "/" + SOCKET,
                UnixSocket.Type.SEQPACKET,
                1)) {
      ProcessBuilder builder =
          new ProcessBuilder(program.toString(), SOCKET, criu.path().toString())
              .directory(work.path().toFile())
              .redirectErrorStream(true)
              .redirectOutput(printed(work).toFile());
      environment.accept(builder.environment());
      Process process = builder.start();
      process.getOutputStream().close();
      Deadline deadline = Deadline.after(CONNECT_PATIENCE);
      while (!deadline.hasCome()) {
        boolean alive = process.isAlive();
        Optional<UnixSocket> socket = listening.accept(Deadline.after(CONNECT_STEP));
        if (socket.isPresent()) {
          return new RpcCriu(criu, work, process, socket.get());
        }
        if (!alive) {
          break;
        }
      }
      throw new CriuException(
          Kind.FAILED, criu.path() + " swrk: never came: " + CriuLog.lastWords(printed(work)));
    }
  }

  private static Path unpack(Path directory) throws IOException {
    Path program = directory.resolve("rpc");
    try (InputStream packed = RpcCriu.class.getResourceAsStream(PROGRAM)) {
      if (packed == null) {
        throw new CriuException(
            Kind.LACKING, "what connects criu was not built for " + System.getProperty("os.arch"));
      }
      Files.copy(packed, program);
    }
    Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwx------"));
    return program;
  }

  private static Path printed(PrivateDirectory work) {
    return work.path().resolve("printed");
  }

  /** {@return the socket, borrowed; for who passes on packets as they are} */
  public UnixSocket socket() {
    return socket;
  }

  /**
   * Sends a request, or the answer to a notification.
   *
   * @throws io.predump.linux.SyscallException EPIPE if it has ended
   */
  public void send(CriuRequest request) throws IOException {
    socket.send(ByteBuffer.wrap(request.toByteArray()), Deadline.NEVER);
  }

  /**
   * {@return its next message; waits for it; empty if it has ended}
   *
   * @throws com.google.protobuf.InvalidProtocolBufferException if it is none of CRIU's
   */
  public Optional<CriuResponse> receive() throws IOException {
    ByteBuffer packet = ByteBuffer.allocate(MESSAGE_BYTES);
    return socket.receive(packet, Deadline.NEVER) < 0
        ? Optional.empty()
        : Optional.of(CriuResponse.parseFrom(packet.flip()));
  }

  /** {@return whether it has ended, or does within so long} */
  boolean endsWithin(Duration patience) throws IOException {
    try {
      return process.waitFor(patience.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("criu swrk: interrupted while it ends", e);
    }
  }

  /** {@return its exit code; waits for its end, which comes when it has nothing more to do} */
  public int awaitEnd() throws IOException {
    try {
      return process.waitFor();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("criu swrk: interrupted while it ends", e);
    }
  }

  /** {@return what it said last where nobody else listens, and in its log if that is known} */
  String lastWords(Path log) {
    return CriuLog.lastWords(log, printed(work));
  }

  /** {@return what it said last where nobody else listens} */
  public String lastWords() {
    return CriuLog.lastWords(printed(work));
  }

  /** {@return the program} */
  public CriuProgram program() {
    return criu;
  }

  /** Hangs up: what it still waits for fails. Does not wait for its end. */
  void hangUp() {
    socket.shutdown();
  }

  /** Hangs up, waits for its end, and removes its directory. */
  @Override
  public void close() throws IOException {
    hangUp();
    try {
      awaitEnd();
    } finally {
      socket.close();
      work.close();
    }
  }
}
