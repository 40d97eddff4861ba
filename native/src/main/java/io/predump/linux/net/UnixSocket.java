package io.predump.linux.net;

import io.predump.linux.Errno;
import io.predump.linux.Fd;
import io.predump.linux.LibC;
import io.predump.linux.NativeBuffer;
import io.predump.linux.SyscallException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A unix socket; unix(7). Close-on-exec. Every wait ends at a {@link Deadline}, with ETIMEDOUT.
 *
 * <p>One thread may receive while another sends. {@link #shutdown} and {@link #close} may be called
 * by any thread: whoever waits in the socket then returns at once, as at the end of the stream.
 */
public final class UnixSocket implements AutoCloseable {
  private static final int OWNER_ONLY = 0600;

  /** How long to wait before asking again where poll(2) cannot tell: the backlog is full. */
  private static final int BACKLOG_MILLIS = 5;

  /** What a socket carries. */
  public enum Type {
    /** A stream of bytes. */
    STREAM(SocketAbi.SOCK_STREAM),
    /** A connection that keeps the borders of messages. */
    SEQPACKET(SocketAbi.SOCK_SEQPACKET),
    /** Messages without a connection; {@link #connect} sets where they go. */
    DATAGRAM(SocketAbi.SOCK_DGRAM);

    private final int number;

    Type(int number) {
      this.number = number;
    }
  }

  private final Fd fd;
  private final Lock receiving = new ReentrantLock();
  private final Lock sending = new ReentrantLock();
  private final MessageBuffer in;
  private final MessageBuffer out;
  private volatile boolean shut;

  private UnixSocket(Fd fd) throws SyscallException {
    this.fd = fd;
    try {
      this.in = MessageBuffer.allocate();
    } catch (SyscallException e) {
      fd.close();
      throw e;
    }
    try {
      this.out = MessageBuffer.allocate();
    } catch (SyscallException e) {
      in.close();
      fd.close();
      throw e;
    }
  }

  /**
   * Makes a socket that others connect to, mode 0600 from its first moment, whatever the umask.
   *
   * @param path where; nothing may be there. Whoever made it removes it
   * @param backlog connections that wait to be accepted
   * @throws SyscallException EADDRINUSE if something is there, ENOENT, EACCES
   * @throws IllegalArgumentException if the path is too long: 107 bytes at most
   */
  public static UnixSocket listen(String path, Type type, int backlog) throws SyscallException {
    UnixSocket socket = bound(path, type);
    try {
      socket.require(LibC.listen(socket.fd.number(), backlog), "listen");
      return socket;
    } catch (SyscallException e) {
      socket.close();
      throw e;
    }
  }

  /**
   * Makes a socket that takes datagrams, mode 0600 as {@link #listen} does.
   *
   * @param path where; or an abstract name, which begins with {@code @}
   * @throws SyscallException EADDRINUSE if something is there, ENOENT, EACCES
   */
  public static UnixSocket listenForDatagrams(String path) throws SyscallException {
    return bound(path, Type.DATAGRAM);
  }

  private static UnixSocket bound(String path, Type type) throws SyscallException {
    UnixSocket socket = open(type, path);
    try {
      // bind(2) takes the rights of the file it makes from the socket's own inode
      socket.require(LibC.fchmod(socket.fd.number(), OWNER_ONLY), "fchmod");
      try (NativeBuffer memory = NativeBuffer.allocate(SocketAbi.SUN_BYTES)) {
        int bytes = SocketAbi.address(memory, path);
        socket.require(LibC.bind(socket.fd.number(), memory.address(), bytes), "bind");
      }
      return socket;
    } catch (SyscallException | RuntimeException e) {
      socket.close();
      throw e;
    }
  }

  /**
   * Connects.
   *
   * @param path of the listening socket; or an abstract name, which begins with {@code @}
   * @throws SyscallException ENOENT if nothing is there, ECONNREFUSED if nobody listens, EACCES,
   *     EPROTOTYPE if it is of another type, ETIMEDOUT if its backlog stays full
   * @throws IllegalArgumentException if the path is too long
   */
  public static UnixSocket connect(String path, Type type, Deadline deadline)
      throws SyscallException {
    UnixSocket socket = open(type, path);
    try (NativeBuffer memory = NativeBuffer.allocate(SocketAbi.SUN_BYTES)) {
      int bytes = SocketAbi.address(memory, path);
      while (LibC.connect(socket.fd.number(), memory.address(), bytes) != 0) {
        Errno errno = Errno.last();
        boolean full = errno.equals(Errno.EAGAIN);
        if (!full && !errno.equals(Errno.EINTR)) {
          throw new SyscallException("connect(" + path + ")", errno);
        }
        if (deadline.hasCome()) {
          throw new SyscallException("connect(" + path + ")", Errno.ETIMEDOUT);
        }
        if (full) {
          LibC.poll(0, 0, BACKLOG_MILLIS);
        }
      }
      return socket;
    } catch (SyscallException | RuntimeException e) {
      socket.close();
      throw e;
    }
  }

  /** Returns two connected sockets. */
  public static List<UnixSocket> pair(Type type) throws SyscallException {
    Fd first;
    Fd second;
    try (NativeBuffer memory = NativeBuffer.allocate(8)) {
      int flags = type.number | SocketAbi.SOCK_CLOEXEC;
      if (LibC.socketpair(SocketAbi.AF_UNIX, flags, 0, memory.address()) != 0) {
        throw new SyscallException("socketpair(" + type + ")", Errno.last());
      }
      ByteBuffer numbers = memory.bytes(0, 8);
      first = Fd.adopt(numbers.getInt(0), "socketpair");
      second = Fd.adopt(numbers.getInt(4), "socketpair");
    }
    try {
      return List.of(new UnixSocket(first), new UnixSocket(second));
    } catch (SyscallException e) {
      first.close();
      second.close();
      throw e;
    }
  }

  /** Takes over an open socket, closed with the result; closed here if that fails. */
  public static UnixSocket adopt(Fd socket) throws SyscallException {
    return new UnixSocket(socket);
  }

  /** Returns the descriptor, borrowed: to be handed to others by {@link #send}. */
  public Fd descriptor() {
    return fd;
  }

  private static UnixSocket open(Type type, String path) throws SyscallException {
    int flags = SocketAbi.SOCK_CLOEXEC | SocketAbi.SOCK_NONBLOCK;
    int number = LibC.socket(SocketAbi.AF_UNIX, type.number | flags, 0);
    if (number < 0) {
      throw new SyscallException("socket(AF_UNIX, " + type + ")", Errno.last());
    }
    return new UnixSocket(Fd.adopt(number, path));
  }

  /**
   * Waits for somebody who connects.
   *
   * @return the connection; empty once the deadline has come, or after a shutdown
   * @throws SyscallException EMFILE, ENFILE, ENOMEM: nothing is lost, the connection waits
   */
  public Optional<UnixSocket> accept(Deadline deadline) throws SyscallException {
    receiving.lock();
    try {
      while (!shut && await(SocketAbi.POLLIN, deadline)) {
        int number = LibC.accept4(fd.number(), 0, 0, SocketAbi.SOCK_CLOEXEC);
        if (number >= 0) {
          return Optional.of(new UnixSocket(Fd.adopt(number, fd.path())));
        }
        Errno errno = Errno.last();
        boolean gone = errno.equals(Errno.EAGAIN) || errno.equals(Errno.ECONNABORTED);
        if (!gone && !errno.equals(Errno.EINTR) && !shut) {
          throw new SyscallException("accept(" + fd.path() + ")", errno);
        }
      }
      return Optional.empty();
    } finally {
      receiving.unlock();
    }
  }

  /**
   * Returns who connected.
   *
   * @throws SyscallException ENOTCONN and the others of getsockopt(2)
   */
  public PeerCredentials peer() throws SyscallException {
    try (NativeBuffer memory = NativeBuffer.allocate(2L * SocketAbi.UCRED_BYTES)) {
      option(SocketAbi.SO_PEERCRED, "SO_PEERCRED", memory, SocketAbi.UCRED_BYTES);
      ByteBuffer ucred = memory.bytes(0, SocketAbi.UCRED_BYTES);
      return new PeerCredentials(
          ucred.getInt(SocketAbi.UCRED_PID),
          ucred.getInt(SocketAbi.UCRED_UID),
          ucred.getInt(SocketAbi.UCRED_GID));
    }
  }

  /**
   * Returns whether it carries this.
   *
   * @throws SyscallException ENOTSOCK if an adopted descriptor is no socket
   */
  public boolean is(Type type) throws SyscallException {
    try (NativeBuffer memory = NativeBuffer.allocate(16)) {
      option(SocketAbi.SO_TYPE, "SO_TYPE", memory, 4);
      return memory.bytes(0, 4).getInt(0) == type.number;
    }
  }

  private void option(int option, String name, NativeBuffer memory, int bytes)
      throws SyscallException {
    long length = memory.address() + bytes;
    memory.bytes(bytes, 4).putInt(0, bytes);
    require(
        LibC.getsockopt(fd.number(), SocketAbi.SOL_SOCKET, option, memory.address(), length),
        "getsockopt " + name);
  }

  /**
   * Waits until something can be received, the end of the stream included.
   *
   * @return false once the deadline has come
   */
  public boolean awaitInput(Deadline deadline) throws SyscallException {
    receiving.lock();
    try {
      return shut || await(SocketAbi.POLLIN, deadline);
    } finally {
      receiving.unlock();
    }
  }

  /**
   * Receives what is there, at least a byte or one packet; descriptors that come with it are closed
   * by the kernel.
   *
   * @param target takes at most 64 KiB a call
   * @return bytes received, -1 at the end of the stream
   * @throws SyscallException ETIMEDOUT, ECONNRESET; EMSGSIZE if a packet is larger than the target,
   *     the rest of it is lost
   */
  public int receive(ByteBuffer target, Deadline deadline) throws SyscallException {
    int bytes = receive(target, false, deadline).byteCount();
    return bytes == 0 && target.hasRemaining() ? -1 : bytes;
  }

  /**
   * Receives what is there, with the descriptors that came with it.
   *
   * @throws SyscallException as {@link #receive}; also EMSGSIZE if some descriptors were lost, for
   *     want of room in our table: those that came are closed
   */
  public ReceivedMessage receiveWithDescriptors(ByteBuffer target, Deadline deadline)
      throws SyscallException {
    return receive(target, true, deadline);
  }

  private ReceivedMessage receive(ByteBuffer target, boolean descriptors, Deadline deadline)
      throws SyscallException {
    receiving.lock();
    try {
      while (!shut) {
        in.toReceive(Math.min(target.remaining(), MessageBuffer.DATA_BYTES), descriptors);
        int flags = SocketAbi.MSG_DONTWAIT | SocketAbi.MSG_CMSG_CLOEXEC;
        long bytes = LibC.recvmsg(fd.number(), in.address(), flags);
        if (bytes >= 0) {
          return received((int) bytes, target, descriptors);
        }
        Errno errno = Errno.last();
        if (errno.equals(Errno.EAGAIN)) {
          requireReady(SocketAbi.POLLIN, "recvmsg", deadline);
        } else if (!errno.equals(Errno.EINTR)) {
          throw new SyscallException("recvmsg(" + fd.path() + ")", errno);
        }
      }
      return new ReceivedMessage(0, List.of());
    } finally {
      receiving.unlock();
    }
  }

  private ReceivedMessage received(int bytes, ByteBuffer target, boolean descriptors)
      throws SyscallException {
    List<Fd> received = descriptors ? in.descriptors(fd.path()) : List.of();
    boolean cut = (in.flags() & SocketAbi.MSG_TRUNC) != 0;
    if (cut || (descriptors && (in.flags() & SocketAbi.MSG_CTRUNC) != 0)) {
      received.forEach(Fd::close);
      throw new SyscallException(
          "recvmsg(" + fd.path() + ")", Errno.EMSGSIZE, cut ? "a longer packet" : "descriptors");
    }
    in.received(bytes, target);
    return new ReceivedMessage(bytes, received);
  }

  /**
   * Sends all that {@code source} holds.
   *
   * @throws SyscallException EPIPE if nobody will receive it, without a signal; ETIMEDOUT if the
   *     peer does not take it in time, part of it may be sent then
   */
  public void send(ByteBuffer source, Deadline deadline) throws SyscallException {
    send(source, List.of(), deadline);
  }

  /**
   * Sends all that {@code source} holds, at least one byte, with descriptors.
   *
   * @param descriptors at most 253; borrowed, the receiver gets its own
   * @throws SyscallException as {@link #send}; EMSGSIZE if a packet is longer than 64 KiB
   */
  public void send(ByteBuffer source, List<Fd> descriptors, Deadline deadline)
      throws SyscallException {
    sending.lock();
    try {
      List<Fd> carried = descriptors;
      do {
        if (shut) {
          throw new SyscallException("sendmsg(" + fd.path() + ")", Errno.EPIPE);
        }
        int wanted = out.toSend(source, carried);
        if (wanted < source.remaining() && !is(Type.STREAM)) {
          throw new SyscallException("sendmsg(" + fd.path() + ")", Errno.EMSGSIZE);
        }
        int flags = SocketAbi.MSG_DONTWAIT | SocketAbi.MSG_NOSIGNAL;
        long bytes = LibC.sendmsg(fd.number(), out.address(), flags);
        if (bytes >= 0) {
          source.position(source.position() + (int) bytes);
          carried = List.of();
          continue;
        }
        Errno errno = Errno.last();
        if (errno.equals(Errno.EAGAIN)) {
          requireReady(SocketAbi.POLLOUT, "sendmsg", deadline);
        } else if (!errno.equals(Errno.EINTR)) {
          throw new SyscallException("sendmsg(" + fd.path() + ")", errno);
        }
      } while (source.hasRemaining());
    } finally {
      sending.unlock();
    }
  }

  /** Tells the peer that nothing more will be sent; it can still be received from. */
  public void shutdownOutput() {
    if (fd.isOpen()) {
      LibC.shutdown(fd.number(), SocketAbi.SHUT_WR);
    }
  }

  /** Ends both directions, and every wait in this socket; for any thread. */
  public void shutdown() {
    shut = true;
    if (fd.isOpen()) {
      LibC.shutdown(fd.number(), SocketAbi.SHUT_RDWR);
    }
  }

  private void requireReady(int events, String call, Deadline deadline) throws SyscallException {
    if (!shut && (deadline.hasCome() || !await(events, deadline))) {
      throw new SyscallException(call + "(" + fd.path() + ")", Errno.ETIMEDOUT);
    }
  }

  /** Returns whether the socket is ready; false once the deadline has come. */
  private boolean await(int events, Deadline deadline) throws SyscallException {
    MessageBuffer buffer = events == SocketAbi.POLLIN ? in : out;
    while (true) {
      int ready = LibC.poll(buffer.toPoll(fd.number(), events), 1, deadline.pollMillis());
      if (ready > 0) {
        return true;
      }
      if (ready < 0) {
        Errno errno = Errno.last();
        if (!errno.equals(Errno.EINTR)) {
          throw new SyscallException("poll(" + fd.path() + ")", errno);
        }
      }
      if (deadline.hasCome()) {
        return false;
      }
    }
  }

  private void require(int result, String call) throws SyscallException {
    if (result != 0) {
      throw new SyscallException(call + "(" + fd.path() + ")", Errno.last());
    }
  }

  /**
   * Closes the descriptor, and ends every wait in the socket. If nobody waits in it, a connection
   * that another process holds too goes on there. Further calls do nothing.
   */
  @Override
  public void close() {
    shut = true;
    if (!receiving.tryLock()) {
      shutdown();
      receiving.lock();
    }
    if (!sending.tryLock()) {
      shutdown();
      sending.lock();
    }
    try {
      if (fd.isOpen()) {
        fd.close();
        in.close();
        out.close();
      }
    } finally {
      sending.unlock();
      receiving.unlock();
    }
  }

  @Override
  public String toString() {
    return fd.toString();
  }
}
