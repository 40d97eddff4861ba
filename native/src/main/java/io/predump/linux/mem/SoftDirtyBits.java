package io.predump.linux.mem;

import io.predump.linux.Errno;
import io.predump.linux.Fd;
import io.predump.linux.LibC;
import io.predump.linux.NativeBuffer;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;

/**
 * The soft-dirty bits of a process, which say which pages were written since they were last
 * cleared: {@code /proc/PID/clear_refs}, CONFIG_MEM_SOFT_DIRTY;
 * Documentation/admin-guide/mm/soft-dirty.rst. {@link RawPagemap#softDirty} shows them.
 *
 * <p>There is one set of bits per address space: whoever else clears them takes our news away, as
 * we take theirs.
 */
public final class SoftDirtyBits implements AutoCloseable {
  private final Fd clearRefs;
  private final NativeBuffer command;

  private SoftDirtyBits(Fd clearRefs, NativeBuffer command) {
    this.clearRefs = clearRefs;
    this.command = command;
    command.bytes().put(0, (byte) '4');
  }

  /**
   * Opens the file that clears them.
   *
   * @throws SyscallException ENOENT if there is no such process, EACCES if it is another user's
   */
  public static SoftDirtyBits open(Pid pid) throws SyscallException {
    Fd clearRefs = Fd.openWriteOnly(pid.procPath("clear_refs"));
    try {
      return new SoftDirtyBits(clearRefs, NativeBuffer.allocate(LibC.PAGE_BYTES));
    } catch (SyscallException | RuntimeException e) {
      clearRefs.close();
      throw e;
    }
  }

  /**
   * Clears the bits of all private and shared mappings the process has now. The kernel holds its
   * mmap lock for the whole walk and write-protects each page. Reading the bits first and clearing
   * them then loses what is written between: the process must stand still. Pages pinned for a
   * device keep their bit.
   *
   * @throws SyscallException ESRCH if the process is gone
   */
  public void clear() throws SyscallException {
    while (LibC.pwrite(clearRefs.number(), command.address(), 1, 0) != 1) {
      Errno errno = Errno.last();
      if (!errno.equals(Errno.EINTR)) {
        throw new SyscallException("write(" + clearRefs.path() + ", 4)", errno);
      }
    }
  }

  /** Closes the file. The bits stay as they are. */
  @Override
  public void close() {
    clearRefs.close();
    command.close();
  }
}
