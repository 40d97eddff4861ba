package io.predump.engine;

import java.util.concurrent.locks.LockSupport;

/**
 * Keeps page-table walks from starving the target's mmap and munmap: a call holds the target's mmap
 * lock for reading from start to end, so calls stay near {@link #CALL_GOAL_NANOS}, and pauses as
 * long as the work done let waiting writers in. Where a session's processor time is bounded they
 * are so much longer that the walk keeps within the bound, down to 5 % of a core: a target that has
 * no processor to spare would stand behind a walk as behind a copy. What a protecting walk makes
 * the target pay counts with it: each page's first write is a fault ({@link #FIRST_WRITE_NANOS}),
 * and memory protected all at once is a target that faults at every other write for a while. Nobody
 * can cancel a pause, so none lasts longer than {@link #LONGEST_PAUSE_NANOS}; what is then still
 * owed is added to the next ones.
 *
 * <p>The span of a call adapts to what calls cost: doubled when cheap, halved when dear. What the
 * page table knows to be populated bounds it too, so that a call that leaves an empty stretch does
 * not run deep into a full one. Borders lie on 2 MiB, or on larger hugetlb pages, so that huge
 * pages stay whole.
 */
final class ScanPacer {
  /** A call that lasts longer is the stall of whoever waits to map memory. */
  static final long CALL_GOAL_NANOS = 100_000;

  /** Shorter pauses do not let a woken writer run before the lock is taken again. */
  private static final long PAUSE_NANOS = 50_000;

  private static final long LONGEST_PAUSE_NANOS = 20_000_000;

  private static final double MOST_REST_PER_BUSY = 19;

  /**
   * What the first write to a protected page costs its writer: about 2 µs in a virtual machine,
   * where the fault and the flush of the translation are dearest. Huge pages are split by it, so
   * each of their small pages costs the same.
   */
  static final long FIRST_WRITE_NANOS = 2_000;

  private static final long LEAF = 1L << PageTable.LEAF_SHIFT;
  private static final long SMALLEST_SPAN = LEAF;
  private static final long FIRST_SPAN = 4L << 20;
  private static final long LARGEST_SPAN = 64L << 20;

  /** Memory without any permission can be reserved, not touched: terabytes of nothing. */
  private static final long RESERVED_SPAN = 4L << 30;

  private static final int MOST_POPULATED_LEAVES = 8;

  private final boolean paced;
  private final boolean alignsToHugePages;
  private final double restPerBusy;
  private final long nanosPerArmed;
  private long span = FIRST_SPAN;
  private long busyNanos;
  private long owedNanos;

  private ScanPacer(
      boolean paced, boolean alignsToHugePages, double restPerBusy, long nanosPerArmed) {
    this.paced = paced;
    this.alignsToHugePages = alignsToHugePages;
    this.restPerBusy = restPerBusy;
    this.nanosPerArmed = nanosPerArmed;
  }

  /**
   * {@return a pacer for a running target}
   *
   * @param limits of the processor time; those on reading are not a walk's
   * @param hooks with which tests switch off the protection of huge pages
   */
  static ScanPacer live(CopyLimits limits, TestHooks hooks) {
    double restPerBusy =
        limits.cpuPercent().isPresent()
            ? Math.min(MOST_REST_PER_BUSY, Math.max(1, 100.0 / limits.cpuPercent().getAsInt() - 1))
            : 1;
    return new ScanPacer(
        true,
        hooks.on(Protection.HUGE_PAGE_BORDERS),
        restPerBusy,
        limits.cpuPercent().isPresent() ? FIRST_WRITE_NANOS : 0);
  }

  /** {@return a pacer that never pauses: nobody waits for a frozen process's lock} */
  static ScanPacer frozen() {
    return new ScanPacer(false, true, 0, 0);
  }

  /** {@return how many bytes from {@code at} on the next call should cover} */
  long spanBytes(PolicedVma vma, PageTable table, long at) {
    if (!paced) {
      return vma.end() - at;
    }
    boolean reserved = !vma.vma().readable() && !vma.vma().writable();
    long bound = reserved ? Math.max(span, RESERVED_SPAN) : span;
    long wanted = Math.min(vma.end(), at + bound);
    int leaves = (int) Math.min(MOST_POPULATED_LEAVES, Math.max(1, span / LEAF));
    long end = table.afterLeaves(at, wanted, leaves);
    if (end < vma.end()) {
      long page = Math.max(LEAF, vma.pageBytes());
      end = Math.max(end & -page, (at & -page) + page);
    }
    if (!alignsToHugePages) {
      end += PageTable.PAGE_BYTES;
    }
    return Math.min(end, vma.end()) - at;
  }

  /** A call that protected nothing took so long. */
  void walked(long nanos) {
    walked(nanos, 0);
  }

  /**
   * A call took so long: adapt the next one, and let others in once enough work is done.
   *
   * @param armed pages it protected that can be written, each a fault to come; of hugetlbfs whole
   *     ones
   */
  void walked(long nanos, long armed) {
    if (!paced) {
      return;
    }
    long cost = nanos + armed * nanosPerArmed;
    if (cost > CALL_GOAL_NANOS) {
      span = Math.max(SMALLEST_SPAN, span / 2);
    } else if (cost < CALL_GOAL_NANOS / 3) {
      span = Math.min(LARGEST_SPAN, span * 2);
    }
    owedNanos += (long) (restPerBusy * armed * nanosPerArmed);
    looked(nanos);
  }

  /** A reading call took so long: let others in once enough work is done. */
  void looked(long nanos) {
    if (!paced) {
      return;
    }
    busyNanos += nanos;
    if (busyNanos >= PAUSE_NANOS / 2 || owedNanos >= PAUSE_NANOS) {
      owedNanos += Math.max(PAUSE_NANOS, (long) (restPerBusy * busyNanos));
      long pause = Math.max(busyNanos, Math.min(owedNanos, LONGEST_PAUSE_NANOS));
      LockSupport.parkNanos(pause);
      owedNanos = Math.max(0, owedNanos - pause);
      busyNanos = 0;
    }
  }
}
