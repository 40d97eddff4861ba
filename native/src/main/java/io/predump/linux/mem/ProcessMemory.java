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
 * Reads the memory of a process: fast by process_vm_readv(2), or by {@code /proc/PID/mem}, which
 * also reads mappings without read permission and leaves copy-on-write pages shared.
 *
 * <p>An instance belongs to one thread; others take their own by {@link #forAnotherThread()}.
 * Nothing is allocated per call. After an exec process_vm_readv reads the <em>new</em> program: ask
 * {@link PagemapScanner#sameAddressSpace()} after the last read.
 */
public final class ProcessMemory implements AutoCloseable {
  /** {@code IOV_MAX}: the most ranges one call reads. */
  public static final int MAX_RANGES = 1024;

  private static final int IOVEC_BYTES = 16;

  private final Pid pid;
  private final Fd mem;
  private final boolean ownsMem;
  private final NativeBuffer memory;
  private final ByteBuffer iovecs;
  private final long remoteAddress;
  private final long localAddress;

  private ProcessMemory(Pid pid, Fd mem, boolean ownsMem) throws SyscallException {
    this.pid = pid;
    this.mem = mem;
    this.ownsMem = ownsMem;
    this.memory = NativeBuffer.allocate((long) (MAX_RANGES + 1) * IOVEC_BYTES);
    this.iovecs = memory.bytes();
    this.remoteAddress = memory.address();
    this.localAddress = memory.address() + (long) MAX_RANGES * IOVEC_BYTES;
  }

  /**
   * Opens the memory of a process.
   *
   * @throws SyscallException ENOENT if there is no such process, EACCES without the right to trace
   *     it
   */
  public static ProcessMemory open(Pid pid) throws SyscallException {
    Fd mem = Fd.openReadOnly(pid.procPath("mem"));
    try {
      return new ProcessMemory(pid, mem, true);
    } catch (SyscallException | RuntimeException e) {
      mem.close();
      throw e;
    }
  }

  /** Returns a reader for another thread. It borrows this one's descriptor: close it first. */
  public ProcessMemory forAnotherThread() throws SyscallException {
    return forAnotherThread(pid);
  }

  /**
   * The same, asking for the process by another name of it: process_vm_readv finds nothing by that
   * of a thread that has ended.
   *
   * @param alias the process or any thread of it
   */
  public ProcessMemory forAnotherThread(Pid alias) throws SyscallException {
    return new ProcessMemory(alias, mem, false);
  }

  /** Returns the process, or the thread of it, that is asked for. */
  public Pid pid() {
    return pid;
  }

  /**
   * Reads ranges of the process one after the other into one buffer.
   *
   * <p>Stops at the first page that cannot be read, so the result may be less than asked.
   *
   * @param localAddress where to; room for the sum of the lengths
   * @param starts first addresses of the ranges
   * @param lengths lengths of the ranges in bytes
   * @param from index of the first range
   * @param count number of ranges, at most {@link #MAX_RANGES}
   * @return bytes read; less than asked if a page, not the first one, cannot be read
   * @throws SyscallException EFAULT if the first page cannot be read, ESRCH if the process is gone,
   *     EPERM without the right to trace it
   */
  public long readv(long localAddress, long[] starts, long[] lengths, int from, int count)
      throws SyscallException {
    if (count < 1 || count > MAX_RANGES) {
      throw new IllegalArgumentException("cannot read ranges at once: count=" + count);
    }
    long bytes = 0;
    for (int i = 0; i < count; i++) {
      iovecs.putLong(i * IOVEC_BYTES, starts[from + i]);
      iovecs.putLong(i * IOVEC_BYTES + 8, lengths[from + i]);
      bytes += lengths[from + i];
    }
    long read = processVmReadv(localAddress, bytes, count);
    if (read < 0) {
      throw failure("process_vm_readv", starts[from], lengths[from], new Errno((int) -read));
    }
    return read;
  }

  /**
   * Reads one range.
   *
   * @see #readv(long, long[], long[], int, int)
   */
  public long readv(long localAddress, long start, long bytes) throws SyscallException {
    iovecs.putLong(0, start);
    iovecs.putLong(8, bytes);
    long read = processVmReadv(localAddress, bytes, 1);
    if (read < 0) {
      throw failure("process_vm_readv", start, bytes, new Errno((int) -read));
    }
    return read;
  }

  /** Returns the bytes read, or the negated errno. */
  private long processVmReadv(long local, long bytes, int count) {
    iovecs.putLong(MAX_RANGES * IOVEC_BYTES, local);
    iovecs.putLong(MAX_RANGES * IOVEC_BYTES + 8, bytes);
    while (true) {
      long read =
          LibC.process_vm_readv(pid.number(), this.localAddress, 1, remoteAddress, count, 0);
      if (read >= 0) {
        return read;
      }
      int errno = LibC.errno();
      if (errno != Errno.EINTR.number()) {
        return -errno;
      }
    }
  }

  /**
   * Reads one range through {@code /proc/PID/mem}. Safe for several threads.
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
        throw failure("pread", address, bytes, errno);
      }
    }
  }

  private SyscallException failure(String call, long start, long bytes, Errno errno) {
    String what = call.equals("pread") ? mem.path() : pid.toString();
    return new SyscallException(
        call + "(" + what + ", " + AddressRange.toString(start, start + bytes) + ")", errno);
  }

  /** Closes the descriptor, unless borrowed, and frees the scratch memory. */
  @Override
  public void close() {
    if (ownsMem) {
      mem.close();
    }
    memory.close();
  }
}
