package io.predump.daemon.rpc;

import io.predump.criu.RpcCriu;
import io.predump.daemon.DaemonException;
import io.predump.daemon.ErrorCode;
import io.predump.daemon.Failure;
import io.predump.daemon.Quoted;
import io.predump.linux.Fd;
import io.predump.linux.net.Deadline;
import io.predump.linux.net.ReceivedMessage;
import io.predump.linux.net.UnixSocket;
import io.predump.proto.CriuRequest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadFactory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The socket on which CRIU's RPC is spoken. A client connects and sends its requests; or {@code
 * native/src/main/c/criu.c} connects and hands over the socket of its own client, with the bytes of
 * a request that still waits there:
 *
 * <pre>
 * handing over := the request's bytes, one descriptor by SCM_RIGHTS
 * answer       := 'x'        not touched: the real criu is to have it
 *               | 'e' code   served; code 0 if all went well, else 1
 * </pre>
 *
 * <p>A thread per connection, at most {@value #CONNECTIONS}; who comes beyond that is hung up on.
 */
public final class CriuRpcServer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(CriuRpcServer.class);

  private static final int CONNECTIONS = 128;
  private static final int BACKLOG = 64;
  private static final Duration FIRST_PATIENCE = Duration.ofSeconds(30);

  /** After a failure to accept or to begin: what is wanting, others must give back first. */
  private static final long REST_MILLIS = 100;

  private final RpcService service;
  private final UnixSocket listening;
  private final Path path;
  private final Set<UnixSocket> open = ConcurrentHashMap.newKeySet();
  private final ThreadFactory threads;
  private final Thread accepting;
  private volatile boolean closed;
  private volatile long lastNanos = System.nanoTime();

  private CriuRpcServer(
      RpcService service, UnixSocket listening, Path path, ThreadFactory threads) {
    this.service = service;
    this.listening = listening;
    this.path = path;
    this.threads = threads;
    this.accepting = new Thread(this::accept, "predump-rpc");
  }

  /**
   * Listens, mode 0600.
   *
   * @param service borrowed
   * @param path of the socket; one that nobody listens on any more is replaced
   * @throws DaemonException if somebody listens there
   */
  public static CriuRpcServer start(RpcService service, Path path) throws IOException {
    return start(service, path, task -> new Thread(task, "predump-rpc-client"));
  }

  /**
   * The same.
   *
   * @param threads makes one for each client
   */
  static CriuRpcServer start(RpcService service, Path path, ThreadFactory threads)
      throws IOException {
    if (Files.exists(path) && isServed(path)) {
      throw new DaemonException(ErrorCode.FAILURE, path + ": another daemon listens there");
    }
    Files.deleteIfExists(path);
    UnixSocket listening = UnixSocket.listen(path.toString(), UnixSocket.Type.SEQPACKET, BACKLOG);
    CriuRpcServer server = new CriuRpcServer(service, listening, path, threads);
    server.accepting.setDaemon(true);
    server.accepting.start();
    return server;
  }

  private static boolean isServed(Path path) {
    try {
      UnixSocket.connect(
              path.toString(), UnixSocket.Type.SEQPACKET, Deadline.after(Duration.ofSeconds(1)))
          .close();
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /** {@return nanoseconds since somebody was last connected, 0 if somebody is} */
  public long idleNanos() {
    return open.isEmpty() ? System.nanoTime() - lastNanos : 0;
  }

  private void accept() {
    while (!closed) {
      try {
        Optional<UnixSocket> socket = listening.accept(Deadline.NEVER);
        if (socket.isPresent()) {
          begin(socket.get());
        }
      } catch (IOException | RuntimeException | OutOfMemoryError e) {
        // Descriptors, threads or memory are short: those who wait stay in the backlog meanwhile.
        LOG.warn("event=rpc-accept-failed reason={}", Quoted.of(Failure.of(e).message()));
        rest();
      }
    }
  }

  private static void rest() {
    try {
      Thread.sleep(REST_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void begin(UnixSocket socket) {
    if (open.size() >= CONNECTIONS) {
      service.clientLog().refused(CONNECTIONS);
      socket.close();
      return;
    }
    open.add(socket);
    try {
      Thread thread = threads.newThread(() -> serve(socket));
      thread.setDaemon(true);
      thread.start();
    } catch (RuntimeException | OutOfMemoryError e) {
      open.remove(socket);
      socket.close();
      throw e;
    }
  }

  private void serve(UnixSocket socket) {
    try (socket) {
      Caller connected = Caller.of(socket);
      ByteBuffer packet = ByteBuffer.allocate(RpcCriu.MESSAGE_BYTES);
      try (ReceivedMessage first =
          socket.receiveWithDescriptors(packet, Deadline.after(FIRST_PATIENCE))) {
        packet.flip();
        if (first.descriptors().size() == 1) {
          answer(socket, handedOver(first.descriptors().get(0), packet));
        } else if (first.byteCount() > 0 && first.descriptors().isEmpty()) {
          new Conversation(service, connected).serve(packet);
        }
      }
    } catch (IOException | RuntimeException e) {
      service.clientLog().failed(e);
    } finally {
      lastNanos = System.nanoTime();
      open.remove(socket);
    }
  }

  private static void answer(UnixSocket socket, byte[] answer) throws IOException {
    socket.send(ByteBuffer.wrap(answer), Deadline.after(FIRST_PATIENCE));
  }

  private byte[] handedOver(Fd descriptor, ByteBuffer packet) throws IOException {
    try (UnixSocket client = UnixSocket.adopt(descriptor)) {
      if (!client.is(UnixSocket.Type.SEQPACKET)) {
        throw new DaemonException(ErrorCode.USAGE, "what was handed over is no socket of RPC's");
      }
      Caller caller = Caller.of(client);
      if (!service.isOurs(caller, CriuRequest.parseFrom(packet))) {
        return new byte[] {'x'};
      }
      open.add(client);
      try {
        return new byte[] {'e', (byte) (new Conversation(service, caller).serve() ? 0 : 1)};
      } finally {
        open.remove(client);
      }
    }
  }

  /** Listens no more, and hangs up on every client. */
  @Override
  public void close() {
    closed = true;
    listening.close();
    open.forEach(UnixSocket::shutdown);
    try {
      Files.deleteIfExists(path);
    } catch (IOException e) {
      LOG.warn(
          "event=socket-left path={} reason={}",
          Quoted.of(path.toString()),
          Quoted.of(Failure.of(e).message()));
    }
  }
}
