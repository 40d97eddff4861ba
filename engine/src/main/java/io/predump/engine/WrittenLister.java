package io.predump.engine;

import static io.predump.linux.mem.PageCategories.PFNZERO;
import static io.predump.linux.mem.PageCategories.PRESENT;
import static io.predump.linux.mem.PageCategories.SWAPPED;
import static io.predump.linux.mem.PageCategories.WRITTEN;

import io.predump.linux.Errno;
import io.predump.linux.SyscallException;
import io.predump.linux.mem.PagemapScanner;
import java.util.List;

/**
 * The cheap look at anonymous memory already known, for kernels that report a dropped page as
 * written: asks only for written pages and protects nothing, so a clean mapping costs next to
 * nothing. It insists on registration: what is reported for the holes of an unregistered mapping
 * differs between kernels.
 */
final class WrittenLister {
  private static final int LOOK_LEAVES = 96;

  /** So many more pages can be walked in the time of one more call. */
  private static final int PAGES_WORTH_A_CALL = 512;

  private static final long LOOK_SPAN = 256L << 20;
  private static final long LEAF = 1L << PageTable.LEAF_SHIFT;

  private final PagemapScanner scanner;
  private final PresenceLister lister;
  private final long flags;

  /**
   * @param scanner borrowed
   * @param lister knows guard pages, and what becomes of holes
   * @param flags of every scan: that it insists on registration
   */
  WrittenLister(PagemapScanner scanner, PresenceLister lister, long flags) {
    this.scanner = scanner;
    this.lister = lister;
    this.flags = flags;
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
      try {
        at =
            list(
                at,
                end,
                counts,
                (from, to, categories) -> {
                  if (vacant(categories)) {
                    lister.vacate(vma, from, to, table);
                  } else {
                    busy.add(
                        Math.max(vma.start(), from & -LEAF),
                        Math.min(vma.end(), (to + LEAF - 1) & -LEAF));
                  }
                });
      } catch (SyscallException e) {
        if (!e.is(Errno.EPERM)) {
          throw e;
        }
        return List.<long[]>of(new long[] {vma.start(), vma.end()});
      }
      pacer.looked(System.nanoTime() - begun);
    }
    return busy.ranges();
  }

  /** Lists what was written to a mapping of a frozen target. */
  void listFrozen(PolicedVma vma, PageTable table, ScanCounts counts) throws SyscallException {
    for (long at = vma.start(); at < vma.end(); ) {
      at =
          list(
              at,
              vma.end(),
              counts,
              (from, to, categories) -> {
                if (vacant(categories)) {
                  lister.vacate(vma, from, to, table);
                  return;
                }
                boolean zeroPage = (categories & PFNZERO) != 0;
                long pages = (to - from) >>> PageTable.PAGE_SHIFT;
                counts.scanned += pages;
                counts.written += zeroPage ? 0 : pages;
                table.list(from, to, true, zeroPage);
              });
    }
  }

  /** Receives a run of pages of the same categories. */
  private interface RunVisitor {
    void run(long from, long to, long categories);
  }

  /**
   * Lists written pages, holes among them, with their categories. The kernel has a path three times
   * as fast for a scan that wants WRITTEN and nothing else back, so what else there is to know is
   * asked of the written pages alone, unless they are many.
   *
   * @return where to go on
   */
  private long list(long start, long end, ScanCounts counts, RunVisitor visitor)
      throws SyscallException {
    counts.calls++;
    scanner.scan(start, end, flags, 0, WRITTEN, 0, WRITTEN);
    long walked = Math.min(scanner.walkEnd(), end);
    int count = scanner.regionCount();
    if (count == 0) {
      return walked;
    }
    if (count > ((walked - start) >>> PageTable.PAGE_SHIFT) / PAGES_WORTH_A_CALL) {
      return visit(start, walked, counts, visitor);
    }
    long[] borders = new long[2 * count];
    for (int i = 0; i < count; i++) {
      borders[2 * i] = scanner.regionStart(i);
      borders[2 * i + 1] = scanner.regionEnd(i);
    }
    for (int i = 0; i < borders.length; i += 2) {
      for (long at = borders[i]; at < borders[i + 1]; ) {
        at = visit(at, borders[i + 1], counts, visitor);
      }
    }
    return walked;
  }

  private long visit(long start, long end, ScanCounts counts, RunVisitor visitor)
      throws SyscallException {
    counts.calls++;
    scanner.scan(start, end, flags, 0, WRITTEN, 0, returned());
    for (int i = 0; i < scanner.regionCount(); i++) {
      visitor.run(scanner.regionStart(i), scanner.regionEnd(i), scanner.regionCategories(i));
    }
    return Math.min(scanner.walkEnd(), end);
  }

  private long returned() {
    return WRITTEN | PRESENT | SWAPPED | PFNZERO | lister.guard();
  }

  /** {@return whether nothing of the process's is there: a hole, or a guard page} */
  private boolean vacant(long categories) {
    return (categories & (PRESENT | SWAPPED)) == 0 || (categories & lister.guard()) != 0;
  }
}
