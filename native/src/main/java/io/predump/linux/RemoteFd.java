package io.predump.linux;

/**
 * A descriptor number that means something in another process only.
 *
 * @param number the number in that process
 */
public record RemoteFd(int number) {
  /**
   * Opens, close-on-exec, what it is in {@code owner}: the same open file, not another of the same
   * path; pidfd_getfd(2), Linux 5.6.
   *
   * @param owner a process that may be traced by us
   * @throws SyscallException ESRCH if it is gone, EBADF if it has no such descriptor, EPERM if it
   *     may not be traced, EMFILE
   */
  public Fd copyFrom(Pid owner) throws SyscallException {
    String name = "fd " + number + " of pid " + owner;
    long pidfd = LibC.syscall(LibC.SYS_PIDFD_OPEN, owner.number(), 0, 0, 0, 0, 0);
    if (pidfd < 0) {
      throw new SyscallException("pidfd_open(" + owner + ")", Errno.last());
    }
    try (Fd process = Fd.adopt((int) pidfd, "pidfd of " + owner)) {
      long copy = LibC.syscall(LibC.SYS_PIDFD_GETFD, process.number(), number, 0, 0, 0, 0);
      if (copy < 0) {
        throw new SyscallException("pidfd_getfd(" + name + ")", Errno.last());
      }
      return Fd.adopt((int) copy, name);
    }
  }

  @Override
  public String toString() {
    return "remote fd " + number;
  }
}
