package io.predump.engine;

import java.util.BitSet;
import java.util.Map;
import java.util.TreeMap;

/** A set of pages: a bit a page, where there are any. */
final class PageSet {
  private final TreeMap<Long, BitSet> leaves = new TreeMap<>();

  /** Adds the pages of {@code [start, end)}. */
  void add(long start, long end) {
    for (long at = start; at < end; ) {
      long leaf = at >>> PageTable.LEAF_SHIFT << PageTable.LEAF_SHIFT;
      long next = Math.min(end, leaf + (1L << PageTable.LEAF_SHIFT));
      leaves
          .computeIfAbsent(leaf, key -> new BitSet(PageTable.LEAF_PAGES))
          .set(
              (int) ((at - leaf) >>> PageTable.PAGE_SHIFT),
              (int) ((next - leaf) >>> PageTable.PAGE_SHIFT));
      at = next;
    }
  }

  /** Adds what another set holds, and empties that. */
  void take(PageSet other) {
    other.leaves.forEach(
        (leaf, pages) -> leaves.merge(leaf, pages, (mine, theirs) -> or(mine, theirs)));
    other.leaves.clear();
  }

  private static BitSet or(BitSet mine, BitSet theirs) {
    mine.or(theirs);
    return mine;
  }

  /** Hands out every page, and forgets them all. */
  void drain(PageTable.RunVisitor visitor) {
    for (Map.Entry<Long, BitSet> leaf : leaves.entrySet()) {
      BitSet pages = leaf.getValue();
      for (int first = pages.nextSetBit(0); first >= 0; ) {
        int end = pages.nextClearBit(first);
        visitor.run(
            leaf.getKey() + ((long) first << PageTable.PAGE_SHIFT),
            leaf.getKey() + ((long) end << PageTable.PAGE_SHIFT));
        first = pages.nextSetBit(end);
      }
    }
    leaves.clear();
  }

  boolean isEmpty() {
    return leaves.isEmpty();
  }
}
