package io.predump.engine;

import io.predump.linux.AddressRange;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.mem.HugePageCollapse;
import java.util.concurrent.locks.LockSupport;

/**
 * Transparent huge pages as they were: the first write to a protected one splits it, and as long as
 * it is tracked the kernel does not put it together again.
 *
 * @param restored how many are huge again, or still
 * @param wanted how many were met as huge and are full of pages
 */
record HugePages(long restored, long wanted) {
  static final HugePages NONE = new HugePages(0, 0);

  private static final long HUGE_PAGE = 1L << PageTable.LEAF_SHIFT;

  /** A collapse holds the target's mmap lock for some hundred microseconds: let others in. */
  private static final long PAUSE_NANOS = 100_000;

  HugePages plus(HugePages more) {
    return new HugePages(restored + more.restored, wanted + more.wanted);
  }

  /**
   * Puts them together, of a process that nobody tracks any more. Where pages were missing at the
   * last scan, nothing is done: a huge page would bring them back.
   *
   * @param met where huge pages were met
   * @param table what is there now
   */
  static HugePages restore(Pid pid, RangeSet met, PageTable table) {
    long restored = 0;
    long wanted = 0;
    try (HugePageCollapse collapse = HugePageCollapse.open(pid)) {
      for (long[] range : met.ranges()) {
        for (long at = (range[0] + HUGE_PAGE - 1) & -HUGE_PAGE;
            at + HUGE_PAGE <= range[1];
            at += HUGE_PAGE) {
          if (table.isFull(at)) {
            wanted++;
            restored += collapse.collapse(new AddressRange(at, at + HUGE_PAGE)) ? 1 : 0;
            LockSupport.parkNanos(PAUSE_NANOS);
          }
        }
      }
    } catch (SyscallException e) {
      // The target is gone, or the kernel will not: what is restored is restored.
    }
    return new HugePages(restored, wanted);
  }
}
