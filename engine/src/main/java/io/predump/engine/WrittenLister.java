package io.predump.engine;

import static io.predump.linux.mem.PageCategories.PFNZERO;
import static io.predump.linux.mem.PageCategories.PRESENT;
import static io.predump.linux.mem.PageCategories.SWAPPED;

import io.predump.linux.Errno;
import io.predump.linux.SyscallException;
import io.predump.linux.mem.PagemapScanner;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The cheap look at anonymous memory already known, for kernels that report a dropped page as
 * written: asks only for written pages and protects nothing, so a clean mapping costs next to
 * nothing. It insists on registration: what is reported for the holes of an unregistered mapping
 * differs between kernels.
 */
final class WrittenLister implements AutoCloseable {
  private static final int LOOK_LEAVES = 96;
  private static final long LOOK_SPAN = 256L << 20;
  private static final long LEAF = 1L << PageTable.LEAF_SHIFT;

  /** From 256 MiB in memory on, a second thread is worth waking while the target stands still. */
  private static final int LEAVES_FOR_TWO = 128;

  private final LiveThread thread;
  private final PresenceLister lister;
  private final long flags;
  private final TestHooks hooks;
  private final WrittenScan scan;
  private @Nullable SecondScan second;

  /**
   * @param scanner borrowed
   * @param lister knows guard pages, and what becomes of holes
   * @param flags of every scan: that it insists on registration
   */
  WrittenLister(
      LiveThread thread,
      PagemapScanner scanner,
      PresenceLister lister,
      long flags,
      TestHooks hooks) {
    this.hooks = hooks;
    this.thread = thread;
    this.lister = lister;
    this.flags = flags;
    this.scan = new WrittenScan(scanner, flags, lister.guard());
  }

  /**
   * Looks at a mapping of a running target.
   *
   * @return the 2 MiB-aligned stretches in which pages were written, holes already noted; all of
   *     the mapping if part of it is not registered
   */
  List<long[]> look(PolicedVma vma, ScanPacer pacer, PageTable table, ScanCounts counts)
      throws SyscallException {
    RangeSet busy = new RangeSet();
    long at = vma.start();
    while (at < vma.end()) {
      long end = table.afterLeaves(at, Math.min(vma.end(), at + LOOK_SPAN), LOOK_LEAVES);
      long begun = System.nanoTime();
      scan.clear();
      try {
        at = scan.step(at, end);
      } catch (SyscallException e) {
        if (!e.is(Errno.EPERM)) {
          throw e;
        }
        return List.<long[]>of(new long[] {vma.start(), vma.end()});
      }
      counts.calls += scan.calls();
      for (int run = 0; run < scan.runCount(); run++) {
        if (vacant(scan.categories(run))) {
          lister.vacate(vma, scan.start(run), scan.end(run), table);
        } else {
          busy.add(
              Math.max(vma.start(), scan.start(run) & -LEAF),
              Math.min(vma.end(), (scan.end(run) + LEAF - 1) & -LEAF));
        }
      }
      pacer.looked(System.nanoTime() - begun);
    }
    return busy.ranges();
  }

  /** Lists what was written to a mapping of a frozen target; a large one with two threads. */
  void listFrozen(PolicedVma vma, PageTable table, ScanCounts counts) throws SyscallException {
    int leaves = table.leafCount(vma.start(), vma.end());
    SecondScan beside = leaves < LEAVES_FOR_TWO ? null : second();
    scan.clear();
    if (beside == null) {
      scan.collect(vma.start(), vma.end());
      take(scan, vma, table, counts);
      return;
    }
    long middle = table.afterLeaves(vma.start(), vma.end(), leaves / 2);
    SecondScan.Part upper = beside.begin(middle, vma.end());
    WrittenScan found;
    try {
      scan.collect(vma.start(), middle);
    } finally {
      found = upper.await();
    }
    take(scan, vma, table, counts);
    if (hooks.on(Protection.SECOND_SCAN)) {
      take(found, vma, table, counts);
    }
  }

  /** {@return the second thread, ready since the rehearsal; null if there cannot be one} */
  private @Nullable SecondScan second() {
    if (second == null) {
      try {
        second = SecondScan.open(thread, flags, lister.guard());
      } catch (SyscallException e) {
        return null;
      }
    }
    return second;
  }

  private void take(WrittenScan found, PolicedVma vma, PageTable table, ScanCounts counts) {
    counts.calls += found.calls();
    for (int run = 0; run < found.runCount(); run++) {
      long from = found.start(run);
      long to = found.end(run);
      if (vacant(found.categories(run))) {
        lister.vacate(vma, from, to, table);
        continue;
      }
      boolean zeroPage = (found.categories(run) & PFNZERO) != 0;
      long pages = (to - from) >>> PageTable.PAGE_SHIFT;
      counts.scanned += pages;
      counts.written += zeroPage ? 0 : pages;
      table.list(from, to, true, zeroPage);
    }
  }

  /** {@return whether nothing of the process's is there: a hole, or a guard page} */
  private boolean vacant(long categories) {
    return (categories & (PRESENT | SWAPPED)) == 0 || (categories & lister.guard()) != 0;
  }

  @Override
  public void close() {
    if (second != null) {
      second.close();
      second = null;
    }
  }
}
