package io.predump.linux.mem;

import io.predump.linux.AddressRange;
import io.predump.linux.Errno;
import io.predump.linux.Fd;
import io.predump.linux.LibC;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;

/**
 * Reads the memory of a process through {@code /proc/PID/mem}.
 *
 * <p>process_vm_readv(2) would be a sixth faster, and may harm the process. It pins what it reads,
 * and since Linux 5.19 a pin copies a page first that the process shares with a child, or that is
 * part of a huge page of which anything is still shared. Not only does that cost memory. The copy's
 * page table entry is clean, and the page is not marked dirty either. If the process forks again,
 * and parent or child frees its view of the page with MADV_FREE, the kernel may drop the page: the
 * other finds zeros (seen on 6.12 and 6.18). What is read through {@code /proc/PID/mem} stays as it
 * is. It reads mappings without read permission, too.
 *
 * <p>Safe for several threads. It belongs to the address space it was opened for, even after an
 * exec.
 */
public final class ProcessMemory implements AutoCloseable {
  private final Fd mem;

  private ProcessMemory(Fd mem) {
    this.mem = mem;
  }

  /**
   * Opens the memory of a process.
   *
   * @throws SyscallException ENOENT if there is no such process, EACCES without the right to trace
   *     it
   */
  public static ProcessMemory open(Pid pid) throws SyscallException {
    return new ProcessMemory(Fd.openReadOnly(pid.procPath("mem")));
  }

  /**
   * Reads one range.
   *
   * <p>Stops at the first page that cannot be read, so the result may be less than asked.
   *
   * @param localAddress where to
   * @param bytes length in bytes
   * @param address first address in the process
   * @return bytes read; less than asked if a page, not the first one, cannot be read; 0 if the
   *     address space this was opened for is gone
   * @throws SyscallException EIO if the first page cannot be read
   */
  public long pread(long localAddress, long bytes, long address) throws SyscallException {
    while (true) {
      long read = LibC.pread(mem.number(), localAddress, bytes, address);
      if (read >= 0) {
        return read;
      }
      Errno errno = Errno.last();
      if (!errno.equals(Errno.EINTR)) {
        throw new SyscallException(
            "pread(" + mem.path() + ", " + AddressRange.toString(address, address + bytes) + ")",
            errno);
      }
    }
  }

  /** Closes the descriptor. */
  @Override
  public void close() {
    mem.close();
  }
}
