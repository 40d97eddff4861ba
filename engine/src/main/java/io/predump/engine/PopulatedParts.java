package io.predump.engine;

import java.io.IOException;
import java.util.List;

/**
 * Where pages may be in a mapping, so that a reservation of terabytes need not be read entry by
 * entry. What lies outside the parts is certainly empty; inside, anything goes.
 */
interface PopulatedParts extends AutoCloseable {
  /** A mapping larger than this is worth a search: its holes alone take some 5 ms to read. */
  long LARGE_BYTES = 8L << 30;

  /** A scan of the process begins: nothing learned in an earlier one holds. */
  default void beginScan() {}

  /**
   * {@return disjoint ranges in address order that hold every page of the mapping}
   *
   * @param pacer paces what the search does to a running target
   * @param known what earlier scans found, a hint where to look first
   */
  List<long[]> of(PolicedVma vma, ScanPacer pacer, PageTable known) throws IOException;

  /** Adds whole leaves around {@code [start, end)}, cut at the mapping's borders. */
  static void addLeaves(RangeSet parts, long start, long end, PolicedVma vma) {
    long leaf = 1L << PageTable.LEAF_SHIFT;
    parts.add(Math.max(vma.start(), start & -leaf), Math.min(vma.end(), (end + leaf - 1) & -leaf));
  }

  /** {@return the mapping as its only part} */
  static List<long[]> whole(PolicedVma vma) {
    return List.<long[]>of(new long[] {vma.start(), vma.end()});
  }

  @Override
  void close();
}
