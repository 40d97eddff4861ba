package io.predump.engine;

import java.util.List;

/**
 * Leaves pages that are written round after round to the freeze: storing them now is wasted if they
 * are written again before it.
 *
 * <p>A page's heat h is the recent share of rounds that found it written. With R the time left to
 * the freeze and T that of a round, it is written again with probability {@code p = 1 − (1 −
 * h)^(R/T)}; a byte read while frozen is taken to cost {@link #FROZEN_COST} times one read now, so
 * deferring pays iff {@code p > 1 − 1/4}. R is at least T, for the freeze scans no sooner than the
 * next round would; how much more is not known, so R = T: a page is deferred once it was written in
 * three rounds running.
 *
 * <p>A deferred page stays owed, for the scan that listed it has consumed its written bit. What is
 * deferred takes at most half the downtime limit to read; beyond that the hottest pages go first.
 */
final class HotPages {
  private static final double FROZEN_COST = 4;

  private final long mostNanos;

  /**
   * @param downtimeNanos the limit on the freeze
   */
  HotPages(long downtimeNanos) {
    this.mostNanos = downtimeNanos / 2;
  }

  /** Before the scan of a live round. */
  void beforeScan(List<PageTable> tables) {
    tables.forEach(PageTable::trackHeat);
  }

  /**
   * After the scan of a live round.
   *
   * @param means whether pages it listed were written since another scan
   */
  void scanned(List<PageTable> tables, boolean means, DowntimeModel downtime) {
    long[] owedByHeat = new long[PageTable.HEATS];
    for (PageTable table : tables) {
      table.turnHeat(means, owedByHeat);
    }
    int from = deferFrom(owedByHeat, downtime.readableBytes(mostNanos) >>> PageTable.PAGE_SHIFT);
    tables.forEach(table -> table.deferFrom(from));
  }

  /** {@return the least heat that pays and keeps to the most pages} */
  static int deferFrom(long[] owedByHeat, long mostPages) {
    int least = PageTable.HEATS;
    long pages = 0;
    while (least > 0 && pays(least - 1) && pages + owedByHeat[least - 1] <= mostPages) {
      pages += owedByHeat[--least];
    }
    return least;
  }

  private static boolean pays(int heat) {
    return (double) heat / PageTable.HEATS > 1 - 1 / FROZEN_COST;
  }
}
