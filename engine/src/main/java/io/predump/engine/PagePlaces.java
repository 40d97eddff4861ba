package io.predump.engine;

import io.predump.linux.mem.RawPagemap;
import java.util.TreeMap;

/**
 * Where each page lay when it was last listed: its page frame or its slot in swap, four bytes a
 * page. A page that lies elsewhere now may be another one although its soft-dirty bit says
 * otherwise: the kernel moves whole page tables with mremap and puts merged (KSM) and zero pages in
 * place without setting it.
 */
final class PagePlaces {
  private final TreeMap<Long, int[]> leaves = new TreeMap<>();
  private long leafStart = -1;
  private int[] leaf = new int[0];

  /**
   * Notes where a page lies now.
   *
   * @param entry its entry in the raw pagemap
   * @return whether it lay elsewhere before, or was never seen
   */
  boolean moved(long address, long entry) {
    long start = address >>> PageTable.LEAF_SHIFT << PageTable.LEAF_SHIFT;
    if (start != leafStart) {
      leaf = leaves.computeIfAbsent(start, s -> new int[PageTable.LEAF_PAGES]);
      leafStart = start;
    }
    int page = (int) (address >>> PageTable.PAGE_SHIFT) & (PageTable.LEAF_PAGES - 1);
    int place = folded(RawPagemap.place(entry));
    boolean moved = leaf[page] != place;
    leaf[page] = place;
    return moved;
  }

  /** Exact up to 4 TiB of memory and 64 GiB a swap device; beyond, two places may look like one. */
  private static int folded(long place) {
    return (int) (place ^ place >>> 32);
  }

  /** Forgets what lies where the table knows nothing. */
  void keepOnly(PageTable table) {
    long leafBytes = 1L << PageTable.LEAF_SHIFT;
    leaves.keySet().removeIf(start -> !table.knowsAnything(start, start + leafBytes));
    leafStart = -1;
  }
}
