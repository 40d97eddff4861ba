package io.predump.linux;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * A file descriptor of our own process, open until closed. Has one owner, who closes it; may be
 * used by several threads as long as none of them closes it meanwhile.
 */
public final class Fd implements AutoCloseable {
  private static final int CLOSED = -1;

  private final AtomicInteger number;
  private final String path;

  private Fd(int number, String path) {
    this.number = new AtomicInteger(number);
    this.path = path;
  }

  /**
   * Takes over an open descriptor.
   *
   * @param number the descriptor; from now on owned by the result
   * @param path what to call it in messages
   */
  public static Fd adopt(int number, String path) {
    if (number < 0) {
      throw new IllegalArgumentException("not a descriptor: number=" + number);
    }
    return new Fd(number, path);
  }

  /**
   * Opens {@code path} for reading, close-on-exec.
   *
   * @throws SyscallException ENOENT, EACCES, EMFILE and the others of open(2)
   */
  public static Fd openReadOnly(String path) throws SyscallException {
    return open(path, LibC.O_RDONLY | LibC.O_CLOEXEC);
  }

  /**
   * Opens {@code path} for writing, close-on-exec; it must exist.
   *
   * @throws SyscallException ENOENT, EACCES, EMFILE and the others of open(2)
   */
  public static Fd openWriteOnly(String path) throws SyscallException {
    return open(path, LibC.O_WRONLY | LibC.O_CLOEXEC);
  }

  /**
   * Opens {@code path} for reading and writing, close-on-exec; it must exist.
   *
   * @throws SyscallException ENOENT, EACCES, EMFILE and the others of open(2)
   */
  public static Fd openReadWrite(String path) throws SyscallException {
    return open(path, LibC.O_RDWR | LibC.O_CLOEXEC);
  }

  /**
   * Opens a directory, to lock or to sync it.
   *
   * @throws SyscallException ENOTDIR if {@code path} is no directory, and the others of open(2)
   */
  public static Fd openDirectory(String path) throws SyscallException {
    return open(path, LibC.O_RDONLY | LibC.O_DIRECTORY | LibC.O_CLOEXEC);
  }

  private static Fd open(String path, int flags) throws SyscallException {
    while (true) {
      int fd = LibC.open(path, flags, 0);
      if (fd >= 0) {
        return new Fd(fd, path);
      }
      Errno errno = Errno.last();
      if (!errno.equals(Errno.EINTR)) {
        throw new SyscallException("open(" + path + ")", errno);
      }
    }
  }

  /**
   * Returns the descriptor's number, valid until closed.
   *
   * @throws IllegalStateException if it is closed
   */
  public int number() {
    int fd = number.get();
    if (fd == CLOSED) {
      throw new IllegalStateException("descriptor is closed: " + path);
    }
    return fd;
  }

  /** Returns the path it was opened by, or the name it was adopted under. */
  public String path() {
    return path;
  }

  /** Returns whether {@link #close()} has not been called yet. */
  public boolean isOpen() {
    return number.get() != CLOSED;
  }

  /**
   * Locks the file for this open descriptor alone, without waiting; flock(2). The lock ends with
   * the descriptor, also when the process dies.
   *
   * @return false if another descriptor holds a lock
   * @throws SyscallException ENOLCK, or ENOTSUP on a file system without locks
   */
  public boolean tryLockExclusive() throws SyscallException {
    while (true) {
      if (LibC.flock(number(), LibC.LOCK_EX | LibC.LOCK_NB) == 0) {
        return true;
      }
      Errno errno = Errno.last();
      if (errno.equals(Errno.EAGAIN)) {
        return false;
      }
      if (!errno.equals(Errno.EINTR)) {
        throw new SyscallException("flock(" + path + ")", errno);
      }
    }
  }

  /**
   * Writes the file's or directory's data and metadata to the disk; fsync(2).
   *
   * @throws SyscallException EIO, ENOSPC
   */
  public void sync() throws SyscallException {
    while (LibC.fsync(number()) != 0) {
      Errno errno = Errno.last();
      if (!errno.equals(Errno.EINTR)) {
        throw new SyscallException("fsync(" + path + ")", errno);
      }
    }
  }

  /** Closes the descriptor. Further calls do nothing. */
  @Override
  public void close() {
    int fd = number.getAndSet(CLOSED);
    if (fd != CLOSED) {
      // Linux releases the number even when close fails, also with EINTR: never repeat it.
      LibC.close(fd);
    }
  }

  @Override
  public String toString() {
    return "fd " + number.get() + " (" + path + ")";
  }
}
