package io.predump.engine;

import java.time.Duration;

/**
 * Pages that must be read once more. A read with O_DIRECT makes its pages writable when it is
 * submitted, and the device fills them later without a page fault: a scan in between lists such a
 * page as written and protects it again, and what then arrives is seen by nobody. Every page in
 * flight was therefore listed as written by some scan after its submission. So whatever a scan
 * lists while such reads are possible is read again: later than any such read can last, or under
 * the freeze, which waits for the threads that read.
 *
 * <p>Debts are kept in two generations, so that no page needs a time of its own: what is listed
 * falls due after one to two times the longest read.
 */
final class DirectIoDebt {
  /** Twice the time after which Linux gives up on a request to a disk. */
  static final Duration LONGEST_READ = Duration.ofSeconds(60);

  private final long longestNanos;
  private final PageSet young = new PageSet();
  private final PageSet old = new PageSet();
  private long generationBegan;

  /**
   * @param longestRead how long a read may be in flight
   */
  DirectIoDebt(Duration longestRead) {
    this.longestNanos = longestRead.toNanos();
  }

  /**
   * After a scan: what it listed is borrowed, and what is old enough falls due now, to be read
   * after this.
   *
   * @param nowNanos the time before the scan
   */
  void scanned(PageTable table, long nowNanos) {
    if (young.isEmpty() && old.isEmpty()) {
      generationBegan = nowNanos;
    }
    PageSet due = new PageSet();
    if (nowNanos - generationBegan >= longestNanos) {
      due.take(old);
      old.take(young);
      generationBegan = nowNanos;
    }
    table.forEachOwed(young::add);
    due.drain(table::oweHeld);
  }

  /** Under the freeze: everything falls due. */
  void allDue(PageTable table) {
    old.drain(table::oweHeld);
    young.drain(table::oweHeld);
  }
}
