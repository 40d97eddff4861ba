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
 * {@code /proc/PID/pagemap} as it is: one 64-bit entry per page;
 * Documentation/admin-guide/mm/pagemap.rst. Page frames and the swap type need CAP_SYS_ADMIN;
 * without it {@link #marker} is always false and {@link #place} hides. The descriptor belongs to
 * the address space the process had when it was opened. A read takes the process's mmap lock once
 * per 2 MiB; a hole costs 0.7 ms per GiB, 4 KiB pages about 4.5 ms per GiB. One thread at a time.
 */
public final class RawPagemap implements AutoCloseable {
  /** Entries of one read: 256 KiB of entries, 128 MiB of address space. */
  public static final int CAPACITY = 32768;

  /** {@code PTE_MARKER} as a swap type: the last one of 32, include/linux/swap.h. */
  private static final int MARKER_TYPE = 31;

  /** Bits 0 to 54: page frame number, or swap type and offset. */
  private static final long PLACE = (1L << 55) - 1;

  private static final long PROBE_ADDRESS = 0x10000;

  private final Fd pagemap;
  private final NativeBuffer memory;
  private final ByteBuffer entries;

  private RawPagemap(Fd pagemap, NativeBuffer memory) {
    this.pagemap = pagemap;
    this.memory = memory;
    this.entries = memory.bytes();
  }

  /**
   * Opens the pagemap of a process.
   *
   * @throws SyscallException ENOENT if there is no such process, EACCES without the right to trace
   *     it
   */
  public static RawPagemap open(Pid pid) throws SyscallException {
    Fd pagemap = Fd.openReadOnly(pid.procPath("pagemap"));
    try {
      return new RawPagemap(pagemap, NativeBuffer.allocate((long) CAPACITY * Long.BYTES));
    } catch (SyscallException | RuntimeException e) {
      pagemap.close();
      throw e;
    }
  }

  /**
   * Reads the entries of {@code pages} pages from {@code startAddress} on, for {@link #entry}.
   *
   * @param startAddress page aligned
   * @param pages at most {@link #CAPACITY}; more are cut off
   * @return the number of entries read: fewer at the end of the address space, 0 if it is gone
   * @throws SyscallException ESRCH, EFAULT
   */
  public int read(long startAddress, int pages) throws SyscallException {
    if (startAddress % LibC.PAGE_BYTES != 0 || pages < 0) {
      throw new IllegalArgumentException(
          "not a page range: start=0x" + Long.toHexString(startAddress) + " pages=" + pages);
    }
    long bytes = (long) Math.min(pages, CAPACITY) * Long.BYTES;
    long offset = (startAddress >>> 12) * Long.BYTES;
    while (true) {
      long read = LibC.pread(pagemap.number(), memory.address(), bytes, offset);
      if (read >= 0) {
        return (int) (read / Long.BYTES);
      }
      Errno errno = Errno.last();
      if (!errno.equals(Errno.EINTR)) {
        throw new SyscallException(
            "pread("
                + pagemap.path()
                + ", "
                + AddressRange.toString(startAddress, startAddress + pages * 4096L)
                + ")",
            errno);
      }
    }
  }

  /**
   * Reads the entries of {@code pages} pages into an array, which is faster than one by one.
   *
   * @param into room for {@link #CAPACITY} entries
   * @return the number of entries read, at least 1
   * @throws SyscallException ESRCH if the address space is gone
   * @see #read(long, int)
   */
  public int read(long startAddress, long pages, long[] into) throws SyscallException {
    int read = read(startAddress, (int) Math.min(pages, CAPACITY));
    if (read == 0) {
      throw new SyscallException("pread(" + pagemap.path() + ")", Errno.ESRCH);
    }
    entries.asLongBuffer().get(0, into, 0, read);
    return read;
  }

  /**
   * Returns whether the address space the process had when this was opened still lives: of one that
   * does not, nothing can be read. After an exec or an exit it does not.
   *
   * @throws SyscallException if the kernel answers neither
   */
  public boolean sameAddressSpace() throws SyscallException {
    return read(PROBE_ADDRESS, 1) == 1;
  }

  /**
   * Returns the {@link #place} of the kernel's shared zero page, found by reading a page of our own
   * never written; 0 without CAP_SYS_ADMIN, which hides page frames.
   */
  public static long zeroPlace() throws SyscallException {
    try (NativeBuffer page = NativeBuffer.allocate(LibC.PAGE_BYTES);
        RawPagemap own = open(Pid.self())) {
      // The kernel joins neighbouring mappings, and a joined one may be large enough for the huge
      // zero page.
      LibC.madvise(page.address(), page.byteCount(), LibC.MADV_NOHUGEPAGE);
      if (page.bytes().get(0) != 0 || own.read(page.address(), 1) != 1) {
        return 0;
      }
      return place(own.entry(0));
    }
  }

  /** Returns entry {@code i} of the last read. */
  public long entry(int i) {
    return entries.getLong(i * Long.BYTES);
  }

  /** Returns whether the page is in memory, bit 63. */
  public static boolean present(long entry) {
    return bit(entry, 63);
  }

  /** Returns whether the page is in swap, or a marker, bit 62. */
  public static boolean swapped(long entry) {
    return bit(entry, 62);
  }

  /** Returns whether the page is a file's or shared memory, bit 61. */
  public static boolean file(long entry) {
    return bit(entry, 61);
  }

  /** Returns whether the page is a guard region, bit 58, Linux 6.15. */
  public static boolean guard(long entry) {
    return bit(entry, 58);
  }

  /** Returns whether the page is write-protected by userfaultfd, bit 57, Linux 5.13. */
  public static boolean uffdWp(long entry) {
    return bit(entry, 57);
  }

  /** Returns whether no other process maps the page, bit 56. */
  public static boolean exclusive(long entry) {
    return bit(entry, 56);
  }

  /** Returns whether the page is soft-dirty, bit 55. */
  public static boolean softDirty(long entry) {
    return bit(entry, 55);
  }

  /** Returns which swap device a swapped page is in, or which kind of note it is; 0 if hidden. */
  public static int swapType(long entry) {
    return (int) (entry & MARKER_TYPE);
  }

  /** Returns whether the entry is no page in swap but a note of the kernel (uffd-wp, guard). */
  public static boolean marker(long entry) {
    return swapped(entry) && !present(entry) && swapType(entry) == MARKER_TYPE;
  }

  /**
   * Returns where the page lies: its page frame, or its slot in swap with bit 62 set. Two pages
   * never lie in the same place unless they share it. 0 if nothing is there, or if the kernel hides
   * it for want of CAP_SYS_ADMIN.
   */
  public static long place(long entry) {
    return present(entry) ? entry & PLACE : swapped(entry) ? entry & (PLACE | 1L << 62) : 0;
  }

  private static boolean bit(long entry, int bit) {
    return (entry >>> bit & 1) != 0;
  }

  /** Closes the pagemap and frees the entries. */
  @Override
  public void close() {
    pagemap.close();
    memory.close();
  }
}
