package io.predump.linux.mem;

import io.predump.linux.AddressRange;
import io.predump.linux.Errno;
import io.predump.linux.Fd;
import io.predump.linux.IoctlBinding;
import io.predump.linux.LibC;
import io.predump.linux.NativeBuffer;
import io.predump.linux.PageRegion;
import io.predump.linux.Pid;
import io.predump.linux.PmScanArg;
import io.predump.linux.SyscallException;
import java.nio.ByteBuffer;

/**
 * Lists the pages of a process by category and, if asked, write-protects those it lists, in one
 * atomic step per page: ioctl PAGEMAP_SCAN on {@code /proc/PID/pagemap}, Linux 6.7.
 *
 * <p>The descriptor belongs to the address space the process had when it was opened: after an exec
 * every scan fails with ESRCH. The results of a scan stand until the next one. One thread at a
 * time.
 */
public final class PagemapScanner implements AutoCloseable {
  /** Write-protect what is listed; {@code PM_SCAN_WP_MATCHING}. */
  public static final long WP_MATCHING = PmScanArg.WP_MATCHING;

  /** Fail with EPERM on a mapping that is not registered; {@code PM_SCAN_CHECK_WPASYNC}. */
  public static final long CHECK_WPASYNC = PmScanArg.CHECK_WPASYNC;

  /** 384 KiB of regions: 64 MiB of pages that alternate between listed and not listed. */
  public static final int DEFAULT_VEC_CAPACITY = 16384;

  private final Fd pagemap;
  private final IoctlBinding binding;
  private final int vecCapacity;
  private final NativeBuffer argMemory;
  private final ByteBuffer arg;
  private final long argAddress;
  private final NativeBuffer vecMemory;
  private final ByteBuffer vec;

  /** Entries of the vec that may be non-zero. */
  private int usedRegions;

  private int regionCount;
  private long walkEnd;

  private PagemapScanner(Fd pagemap, IoctlBinding binding, int vecCapacity)
      throws SyscallException {
    this.pagemap = pagemap;
    this.binding = binding;
    this.vecCapacity = vecCapacity;
    this.argMemory = NativeBuffer.allocate(PmScanArg.BYTES);
    this.arg = argMemory.bytes();
    this.argAddress = argMemory.address();
    this.vecMemory = NativeBuffer.allocate((long) vecCapacity * PageRegion.BYTES);
    this.vec = vecMemory.bytes();
    arg.putLong(PmScanArg.SIZE, PmScanArg.BYTES);
    arg.putLong(PmScanArg.VEC, vecMemory.address());
    arg.putLong(PmScanArg.VEC_LEN, vecCapacity);
  }

  /**
   * Opens the pagemap of a process.
   *
   * @throws SyscallException ENOENT if there is no such process, EACCES without the right to trace
   *     it
   */
  public static PagemapScanner open(Pid pid) throws SyscallException {
    return open(pid, IoctlBinding.KERNEL, DEFAULT_VEC_CAPACITY);
  }

  /**
   * Opens the pagemap of a process.
   *
   * @param binding the kernel, or a test's idea of it
   * @param vecCapacity the most regions one scan returns, at least 1
   * @throws SyscallException ENOENT if there is no such process, EACCES without the right to trace
   *     it
   */
  public static PagemapScanner open(Pid pid, IoctlBinding binding, int vecCapacity)
      throws SyscallException {
    if (vecCapacity < 1 || vecCapacity > Integer.MAX_VALUE / PageRegion.BYTES - 4096) {
      throw new IllegalArgumentException("no room for regions: vecCapacity=" + vecCapacity);
    }
    Fd pagemap = Fd.openReadOnly(pid.procPath("pagemap"));
    try {
      return new PagemapScanner(pagemap, binding, vecCapacity);
    } catch (SyscallException | RuntimeException e) {
      pagemap.close();
      throw e;
    }
  }

  /**
   * Scans {@code [start, end)} for pages with {@code (categories ^ inverted) & mask == mask} and,
   * if {@code anyOf} is not 0, {@code (categories ^ inverted) & anyOf != 0}.
   *
   * <p>Stops early when the regions are full: go on at {@link #walkEnd()}. When it throws, what was
   * consumed before the error is still there: {@link #regionCount()} and the regions are those the
   * kernel listed, and write-protected, before it gave up, and {@link #walkEnd()} is the end of the
   * last of them.
   *
   * @param start first byte address, page aligned; 2 MiB aligned to leave huge pages whole
   * @param end first byte address after the range, page aligned
   * @param flags {@link #WP_MATCHING}, {@link #CHECK_WPASYNC} or both
   * @param inverted categories whose sense is reversed
   * @param mask categories that must all match
   * @param anyOf categories of which one must match
   * @param returnMask categories to report, by which neighbouring pages are joined
   * @return the number of regions, disjoint and in address order
   * @throws IllegalArgumentException if {@link #WP_MATCHING} is asked for and holes could match
   * @throws SyscallException EPERM if a mapping in the range is not registered, ENOTTY before Linux
   *     6.7, EINVAL if an address is not aligned or the kernel does not know a category; ESRCH on
   *     some kernels if the process is gone or exec'ed: most scan what is left of its memory in
   *     silence, so ask {@link #sameAddressSpace()} after a scan
   */
  public int scan(
      long start, long end, long flags, long inverted, long mask, long anyOf, long returnMask)
      throws SyscallException {
    if ((flags & WP_MATCHING) != 0 && !leavesHolesAlone(inverted, mask, anyOf)) {
      throw new IllegalArgumentException(
          "a protecting scan must want pages that are there, or it fills page tables with markers"
              + " and locks up on hugetlb: mask="
              + PageCategories.toString(mask)
              + " anyOf="
              + PageCategories.toString(anyOf));
    }
    arg.putLong(PmScanArg.START, start);
    arg.putLong(PmScanArg.END, end);
    arg.putLong(PmScanArg.CATEGORY_INVERTED, inverted);
    arg.putLong(PmScanArg.CATEGORY_MASK, mask);
    arg.putLong(PmScanArg.CATEGORY_ANYOF_MASK, anyOf);
    arg.putLong(PmScanArg.RETURN_MASK, returnMask);
    // max_pages stays 0: with a limit, partial huge pages are split, skipped or looped on for ever.
    arg.putLong(PmScanArg.MAX_PAGES, 0);
    while (true) {
      clearUsed();
      arg.putLong(PmScanArg.FLAGS, flags);
      arg.putLong(PmScanArg.WALK_END, 0);
      int result = binding.ioctl(pagemap.number(), PmScanArg.PAGEMAP_SCAN, argAddress);
      if (result >= 0) {
        regionCount = result;
        usedRegions = result;
        walkEnd = arg.getLong(PmScanArg.WALK_END);
        if (Long.compareUnsigned(walkEnd, start) <= 0 && start != end) {
          throw new SyscallException(
              call(start, end),
              Errno.EINVAL,
              "no progress, walk_end=0x" + Long.toHexString(walkEnd));
        }
        return result;
      }
      harvest(start);
      if (result != -Errno.EINTR.number()) {
        throw new SyscallException(call(start, end), new Errno(-result));
      }
      // The kernel gives EINTR on a fatal signal only, between two fills of its own buffer. What it
      // filled is consumed, so it is a result; if it filled nothing, nothing is lost by asking
      // again.
      if (regionCount > 0) {
        return regionCount;
      }
    }
  }

  /** {@return whether a page that is neither in memory nor in swap cannot match} */
  private static boolean leavesHolesAlone(long inverted, long mask, long anyOf) {
    long there = PageCategories.PRESENT | PageCategories.SWAPPED;
    boolean wanted = (mask & ~inverted & there) != 0;
    boolean anyWanted = anyOf != 0 && (anyOf & ~there) == 0 && (inverted & there) == 0;
    return wanted || anyWanted;
  }

  /** Makes the entries distinguishable from unwritten ones: a region never ends at 0. */
  private void clearUsed() {
    for (int i = 0; i < usedRegions; i++) {
      vec.putLong(i * PageRegion.BYTES + PageRegion.END, 0);
    }
    usedRegions = 0;
    regionCount = 0;
  }

  private void harvest(long start) {
    int count = 0;
    while (count < vecCapacity && vec.getLong(count * PageRegion.BYTES + PageRegion.END) != 0) {
      count++;
    }
    regionCount = count;
    usedRegions = count;
    walkEnd = count == 0 ? start : regionEnd(count - 1);
  }

  private String call(long start, long end) {
    return "ioctl(" + pagemap.path() + ", PAGEMAP_SCAN, " + AddressRange.toString(start, end) + ")";
  }

  /** Returns the number of regions of the last scan, also of one that threw. */
  public int regionCount() {
    return regionCount;
  }

  /** Returns the first address of region {@code i} of the last scan. */
  public long regionStart(int i) {
    return vec.getLong(i * PageRegion.BYTES + PageRegion.START);
  }

  /** Returns the first address after region {@code i} of the last scan. */
  public long regionEnd(int i) {
    return vec.getLong(i * PageRegion.BYTES + PageRegion.END);
  }

  /** Returns the categories of region {@code i} of the last scan, see {@link PageCategories}. */
  public long regionCategories(int i) {
    return vec.getLong(i * PageRegion.BYTES + PageRegion.CATEGORIES);
  }

  /** Returns where the last scan stopped: its end, or less if the regions were full. */
  public long walkEnd() {
    return walkEnd;
  }

  /** Returns the most regions one scan returns. */
  public int vecCapacity() {
    return vecCapacity;
  }

  /**
   * Asks whether the address space the process had when this was opened still lives. After an exec
   * or an exit it does not. A read of the raw entries tells on every kernel; PAGEMAP_SCAN itself
   * scans a dead address space in silence on most. Leaves the results of the last scan alone.
   *
   * @throws SyscallException if the kernel cannot say
   */
  public boolean sameAddressSpace() throws SyscallException {
    while (true) {
      long read = LibC.pread(pagemap.number(), argAddress + PROBE_ENTRY, Long.BYTES, PROBE_OFFSET);
      if (read >= 0) {
        return read == Long.BYTES;
      }
      Errno errno = Errno.last();
      if (!errno.equals(Errno.EINTR)) {
        throw new SyscallException("pread(" + pagemap.path() + ")", errno);
      }
    }
  }

  /** Where in the argument's memory there is room for one entry. */
  private static final int PROBE_ENTRY = 1024;

  /** The entry of an address that every address space has, mapped or not. */
  private static final long PROBE_OFFSET = (0x10000 >>> 12) * Long.BYTES;

  /** Closes the pagemap and frees the regions. */
  @Override
  public void close() {
    pagemap.close();
    argMemory.close();
    vecMemory.close();
  }
}
