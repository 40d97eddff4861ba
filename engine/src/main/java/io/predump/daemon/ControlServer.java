package io.predump.daemon;

import io.predump.engine.SessionOptions;
import io.predump.linux.Errno;
import io.predump.linux.SyscallException;
import io.predump.linux.net.Deadline;
import io.predump.linux.net.UnixSocket;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves the control protocol on a unix socket: a thread accepts, and each connection has one. The
 * sessions outlive it.
 */
public final class ControlServer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ControlServer.class);
  private static final int BACKLOG = 128;
  private static final Duration ASKING = Duration.ofSeconds(1);
  private static final long PAUSE_MILLIS = 100;

  private final Path path;
  private final UnixSocket socket;
  private final Sessions sessions;
  private final SessionOptions defaults;
  private final ServerLimits limits;
  private final Identifying identifying;
  private final Deque<Connection> connections = new ArrayDeque<>();
  private final List<Thread> threads = new ArrayList<>();
  private boolean closed;

  private ControlServer(
      Path path,
      UnixSocket socket,
      Sessions sessions,
      SessionOptions defaults,
      ServerLimits limits,
      Identifying identifying) {
    this.identifying = identifying;
    this.path = path;
    this.socket = socket;
    this.sessions = sessions;
    this.defaults = defaults;
    this.limits = limits;
  }

  /**
   * Begins to serve.
   *
   * @param path of the socket, 0600; a socket there that nobody listens on is replaced
   * @param sessions borrowed
   * @param defaults of sessions whose requests say nothing else
   * @return to be closed
   * @throws DaemonException if another daemon listens there
   * @throws IOException if the socket cannot be made
   */
  public static ControlServer open(
      Path path, Sessions sessions, SessionOptions defaults, ServerLimits limits)
      throws IOException {
    return open(path, sessions, defaults, limits, socket -> Peer.of(socket.peer()));
  }

  /** Tells who is at the other end. */
  interface Identifying {
    Peer of(UnixSocket socket) throws IOException;
  }

  /** For tests: with peers that are somebody else than they are. */
  static ControlServer open(
      Path path,
      Sessions sessions,
      SessionOptions defaults,
      ServerLimits limits,
      Identifying identifying)
      throws IOException {
    removeLeftOver(path);
    ControlServer server =
        new ControlServer(
            path,
            UnixSocket.listen(path.toString(), UnixSocket.Type.STREAM, BACKLOG),
            sessions,
            defaults,
            limits,
            identifying);
    server.start("predump-accept", server::accept);
    return server;
  }

  /** What a daemon left that was killed. */
  private static void removeLeftOver(Path path) throws IOException {
    try {
      UnixSocket.connect(path.toString(), UnixSocket.Type.STREAM, Deadline.after(ASKING)).close();
    } catch (SyscallException e) {
      if (e.is(Errno.ECONNREFUSED)) {
        Files.deleteIfExists(path);
        return;
      }
      if (e.is(Errno.ENOENT)) {
        return;
      }
      throw e;
    } catch (IllegalArgumentException e) {
      throw new DaemonException(ErrorCode.USAGE, String.valueOf(e.getMessage()));
    }
    throw new DaemonException(ErrorCode.USAGE, path + ": another daemon listens there");
  }

  private void start(String name, Runnable task) {
    Thread thread = new Thread(task, name);
    thread.setDaemon(true);
    synchronized (this) {
      threads.removeIf(known -> !known.isAlive());
      threads.add(thread);
      thread.start();
    }
  }

  private void accept() {
    while (!isClosed()) {
      try {
        Optional<UnixSocket> accepted = socket.accept(Deadline.NEVER);
        if (accepted.isPresent()) {
          serve(accepted.get());
        }
      } catch (IOException | RuntimeException | OutOfMemoryError e) {
        // Descriptors or memory are short: those who wait stay in the backlog meanwhile.
        LOG.warn("event=accept-failed reason=\"{}\"", Failure.of(e).message());
        pause();
      }
    }
  }

  private synchronized boolean isClosed() {
    return closed;
  }

  private static void pause() {
    try {
      Thread.sleep(PAUSE_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void serve(UnixSocket accepted) throws IOException {
    Connection connection;
    try {
      connection = new Connection(accepted, identifying.of(accepted), sessions, defaults, limits);
    } catch (IOException | RuntimeException e) {
      accepted.close();
      throw e;
    }
    if (!admit(connection)) {
      accepted.close();
      return;
    }
    try {
      start(
          "predump-peer",
          () -> {
            try {
              connection.run();
            } finally {
              leave(connection);
            }
          });
    } catch (OutOfMemoryError e) {
      accepted.close();
      leave(connection);
      throw e;
    }
  }

  /** {@return whether there is room, made or found} */
  private synchronized boolean admit(Connection connection) {
    Peer peer = connection.peer();
    boolean strange = !peer.isPrivileged();
    boolean room =
        !closed
            && (!strange
                || (makesRoom(c -> c.peer().uid() == peer.uid(), limits.connectionsPerUser())
                    && makesRoom(ControlServer::isStrange, limits.strangers())))
            && makesRoom(c -> !strange || isStrange(c), limits.connections());
    if (room) {
      connections.addLast(connection);
    }
    return room;
  }

  private static boolean isStrange(Connection connection) {
    return !connection.peer().isPrivileged();
  }

  /** If there are too many of a kind, whoever has waited longest without saying Hello goes. */
  private boolean makesRoom(Predicate<Connection> kind, int most) {
    List<Connection> rivals = connections.stream().filter(kind).toList();
    if (rivals.size() < most) {
      return true;
    }
    Optional<Connection> silent = rivals.stream().filter(c -> !c.greeted()).findFirst();
    silent.ifPresent(connections::remove);
    silent.ifPresent(Connection::end);
    return silent.isPresent();
  }

  private synchronized void leave(Connection connection) {
    connections.remove(connection);
  }

  /** Ends every connection, stops listening and removes the socket. */
  @Override
  public void close() {
    List<Thread> running;
    synchronized (this) {
      closed = true;
      socket.shutdown();
      connections.forEach(Connection::end);
      running = new ArrayList<>(threads);
    }
    try {
      Files.deleteIfExists(path);
    } catch (IOException e) {
      LOG.warn("event=socket-left path=\"{}\"", path);
    }
    for (Thread thread : running) {
      try {
        thread.join(limits.answerTime().toMillis());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    socket.close();
  }
}
