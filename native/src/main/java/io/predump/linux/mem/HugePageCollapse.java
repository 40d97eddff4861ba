package io.predump.linux.mem;

import io.predump.linux.AddressRange;
import io.predump.linux.Errno;
import io.predump.linux.Fd;
import io.predump.linux.LibC;
import io.predump.linux.NativeBuffer;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import java.nio.ByteBuffer;

/**
 * Makes huge pages of a process's small ones: process_madvise(MADV_COLLAPSE), Linux 6.1. The
 * process need not be stopped; whoever touches a page while it is copied waits some hundred
 * microseconds. Needs CAP_SYS_NICE and the right to trace the process.
 */
public final class HugePageCollapse implements AutoCloseable {
  private final Fd pidfd;
  private final NativeBuffer memory;
  private final ByteBuffer iovec;

  private HugePageCollapse(Fd pidfd, NativeBuffer memory) {
    this.pidfd = pidfd;
    this.memory = memory;
    this.iovec = memory.bytes();
  }

  /**
   * Opens a process.
   *
   * @throws SyscallException ESRCH if there is none
   */
  public static HugePageCollapse open(Pid pid) throws SyscallException {
    long fd = LibC.syscall(LibC.SYS_PIDFD_OPEN, pid.number(), 0, 0, 0, 0, 0);
    if (fd < 0) {
      throw new SyscallException("pidfd_open(" + pid + ")", Errno.last());
    }
    return new HugePageCollapse(
        Fd.adopt((int) fd, "pidfd of " + pid), NativeBuffer.allocate(LibC.PAGE_BYTES));
  }

  /**
   * Collapses one range.
   *
   * @param range aligned to 2 MiB
   * @return whether it is huge now; false where the kernel says no for what lies there (unmapped,
   *     shared with a child, no huge page to be had)
   * @throws SyscallException ESRCH if the process is gone, EPERM without the right, ENOSYS or
   *     EINVAL on a kernel without it
   */
  public boolean collapse(AddressRange range) throws SyscallException {
    iovec.putLong(0, range.start());
    iovec.putLong(8, range.bytes());
    long done =
        LibC.syscall(
            LibC.SYS_PROCESS_MADVISE,
            pidfd.number(),
            memory.address(),
            1,
            LibC.MADV_COLLAPSE,
            0,
            0);
    if (done >= 0) {
      return true;
    }
    Errno errno = Errno.last();
    if (errno.equals(Errno.ESRCH) || errno.equals(Errno.EPERM) || errno.equals(Errno.ENOSYS)) {
      throw new SyscallException("process_madvise(" + range + ", MADV_COLLAPSE)", errno);
    }
    return false;
  }

  /** Closes the process's descriptor. */
  @Override
  public void close() {
    pidfd.close();
    memory.close();
  }
}
