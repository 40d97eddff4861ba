package io.predump.engine;

import static io.predump.linux.mem.PageCategories.PFNZERO;
import static io.predump.linux.mem.PageCategories.PRESENT;
import static io.predump.linux.mem.PageCategories.SWAPPED;
import static io.predump.linux.mem.PageCategories.WRITTEN;

import io.predump.linux.SyscallException;
import io.predump.linux.mem.PagemapScanner;
import java.util.Arrays;

/**
 * Scans for written pages, holes among them, and keeps the runs it finds, each with its categories,
 * in address order. The kernel has a path three times as fast for a scan that wants WRITTEN and
 * nothing else back, so what else there is to know is asked of the written pages alone, unless they
 * are many. One thread at a time.
 */
final class WrittenScan {
  /** So many more pages can be walked in the time of one more call. */
  private static final int PAGES_WORTH_A_CALL = 512;

  private static final int LONGS_PER_RUN = 3;

  private final PagemapScanner scanner;
  private final long flags;
  private final long returned;
  private long[] runs = new long[LONGS_PER_RUN * 1024];
  private int runCount;
  private long calls;

  /**
   * @param scanner borrowed
   * @param flags of every scan
   * @param guard the category of guard pages, 0 if this kernel has none
   */
  WrittenScan(PagemapScanner scanner, long flags, long guard) {
    this.scanner = scanner;
    this.flags = flags;
    this.returned = WRITTEN | PRESENT | SWAPPED | PFNZERO | guard;
  }

  /** Forgets what was found. */
  void clear() {
    runCount = 0;
    calls = 0;
  }

  /** Adds what is written in {@code [start, end)}. */
  void collect(long start, long end) throws SyscallException {
    for (long at = start; at < end; ) {
      at = step(at, end);
    }
  }

  /**
   * Adds what is written, as far as one scan gets.
   *
   * @return where to go on
   */
  long step(long start, long end) throws SyscallException {
    calls++;
    scanner.scan(start, end, flags, 0, WRITTEN, 0, WRITTEN);
    long walked = Math.min(scanner.walkEnd(), end);
    int count = scanner.regionCount();
    if (count == 0) {
      return walked;
    }
    if (count > ((walked - start) >>> PageTable.PAGE_SHIFT) / PAGES_WORTH_A_CALL) {
      return ask(start, walked);
    }
    long[] borders = new long[2 * count];
    for (int i = 0; i < count; i++) {
      borders[2 * i] = scanner.regionStart(i);
      borders[2 * i + 1] = scanner.regionEnd(i);
    }
    for (int i = 0; i < borders.length; i += 2) {
      for (long at = borders[i]; at < borders[i + 1]; ) {
        at = ask(at, borders[i + 1]);
      }
    }
    return walked;
  }

  private long ask(long start, long end) throws SyscallException {
    calls++;
    scanner.scan(start, end, flags, 0, WRITTEN, 0, returned);
    int count = scanner.regionCount();
    if (LONGS_PER_RUN * (runCount + count) > runs.length) {
      runs = Arrays.copyOf(runs, 2 * LONGS_PER_RUN * (runCount + count));
    }
    for (int i = 0; i < count; i++) {
      int run = LONGS_PER_RUN * runCount++;
      runs[run] = scanner.regionStart(i);
      runs[run + 1] = scanner.regionEnd(i);
      runs[run + 2] = scanner.regionCategories(i);
    }
    return Math.min(scanner.walkEnd(), end);
  }

  /** {@return the runs found since {@link #clear}} */
  int runCount() {
    return runCount;
  }

  /** {@return the first address of a run} */
  long start(int run) {
    return runs[LONGS_PER_RUN * run];
  }

  /** {@return the first address after a run} */
  long end(int run) {
    return runs[LONGS_PER_RUN * run + 1];
  }

  /** {@return the categories of all pages of a run} */
  long categories(int run) {
    return runs[LONGS_PER_RUN * run + 2];
  }

  /** {@return system calls since {@link #clear}} */
  long calls() {
    return calls;
  }
}
