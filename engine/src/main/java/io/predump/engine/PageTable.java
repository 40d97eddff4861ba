package io.predump.engine;

import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What the engine knows of every page of one address space (a process's private memory, or one
 * shared object): its {@link PageState} and, where the chain holds the page, a 128-bit hash of the
 * bytes the chain holds. Leaves of 512 pages exist only where something is known, so a sparse
 * reservation costs nothing; a full leaf costs about 0.5 % of the memory it describes, a lone page
 * about 1 KiB.
 *
 * <p>The round has three phases, and the table changes hands with them. While scanning, one thread
 * marks ({@link #list}, {@link #vacate}). While copying, any number of workers settle disjoint
 * pages ({@link Cursor#settleStored} and its sisters) and no leaf comes or goes. While committing,
 * one thread walks ({@link #forEachHeld}) and seals the round ({@link #sealRound}) or takes it back
 * ({@link #abortRound}).
 */
final class PageTable {
  static final int PAGE_SHIFT = 12;
  static final int PAGE_BYTES = 1 << PAGE_SHIFT;
  static final int LEAF_PAGES = 512;
  static final int LEAF_SHIFT = PAGE_SHIFT + 9;
  private static final int BLOCK_PAGES = 16;

  private static final byte[] ALL_DATA = filled(PageState.DATA);
  private static final byte[] ALL_HOLES = filled(PageState.HOLE);

  /** Heat of a page never written, and of one written in every round: h of 0 and of nearly 1. */
  static final int HEATS = 128;

  private static final byte WRITTEN_NOW = (byte) 0x80;

  private final TreeMap<Long, Leaf> leaves = new TreeMap<>();
  private boolean tracksHeat;
  private int deferredFrom = HEATS;
  private long deferredPages;

  /** 512 pages, 2 MiB of addresses. */
  private static final class Leaf {
    final long start;
    final byte[] states = new byte[LEAF_PAGES];

    /** Two longs a page, in blocks of 16 pages, so that a lone page costs little. */
    private final long[] @Nullable [] hashes = new long[LEAF_PAGES / BLOCK_PAGES][];

    /** Per page, h in the low seven bits, and whether it was written since h was last told. */
    private byte @Nullable [] heat;

    /** No page outside of {@code [oweFrom, oweTo)} is owed; workers never touch them. */
    int oweFrom = LEAF_PAGES;

    int oweTo;

    Leaf(long start) {
      this.start = start;
    }

    /** Pages of {@code [from, to)} may be owed from now on. */
    void mayOwe(int from, int to) {
      oweFrom = Math.min(oweFrom, from);
      oweTo = Math.max(oweTo, to);
    }

    void owesNothing() {
      oweFrom = LEAF_PAGES;
      oweTo = 0;
    }

    boolean hashIs(int page, long high, long low) {
      long[] block = hashes[page / BLOCK_PAGES];
      int i = 2 * (page % BLOCK_PAGES);
      return block != null && block[i] == high && block[i + 1] == low;
    }

    /** Workers settle different pages of one leaf at a time; they may need the same block. */
    void setHash(int page, long high, long low) {
      long[] block = hashes[page / BLOCK_PAGES];
      if (block == null) {
        synchronized (this) {
          block = hashes[page / BLOCK_PAGES];
          if (block == null) {
            block = new long[2 * BLOCK_PAGES];
            hashes[page / BLOCK_PAGES] = block;
          }
        }
      }
      int i = 2 * (page % BLOCK_PAGES);
      block[i] = high;
      block[i + 1] = low;
    }
  }

  /** Receives runs of held pages in address order. */
  interface HeldVisitor {
    /** The run was stored by this round ({@code stored}), or is in the parent. */
    void held(long address, long pageCount, boolean stored);
  }

  /** Receives stretches in address order. */
  interface LeafVisitor {
    void leaf(long start, long end);
  }

  /** A worker's way into the table; remembers the last leaf. Not thread-safe, one per worker. */
  final class Cursor {
    private Leaf leaf = new Leaf(-1);

    /** {@return the state of the page at {@code address}} */
    byte state(long address) {
      return leafOf(address).states[index(address)];
    }

    /** {@return whether the chain holds the page with exactly this hash} */
    boolean holds(long address, long high, long low) {
      Leaf l = leafOf(address);
      int i = index(address);
      return PageState.content(l.states[i]) == PageState.DATA && l.hashIs(i, high, low);
    }

    /** The page's bytes go into this round. */
    void settleStored(long address, long high, long low) {
      Leaf l = leafOf(address);
      int i = index(address);
      l.setHash(i, high, low);
      l.states[i] = PageState.DATA | PageState.STORED;
    }

    /** The chain already holds the page's bytes. */
    void settleSame(long address) {
      leafOf(address).states[index(address)] = PageState.DATA;
    }

    /**
     * The page is all zero and need not be stored.
     *
     * @return whether that is news
     */
    boolean settleZero(long address) {
      Leaf l = leafOf(address);
      int i = index(address);
      boolean news = PageState.content(l.states[i]) != PageState.ZERO_BYTES;
      l.states[i] = PageState.ZERO_BYTES;
      return news;
    }

    /** Nothing is there any more: what a fresh mapping shows. */
    void settleVacant(long address) {
      leafOf(address).states[index(address)] = PageState.HOLE;
    }

    private Leaf leafOf(long address) {
      long start = address >>> LEAF_SHIFT << LEAF_SHIFT;
      if (leaf.start != start) {
        Leaf found = leaves.get(start);
        if (found == null) {
          throw new IllegalStateException(String.format("page 0x%x was never listed", address));
        }
        leaf = found;
      }
      return leaf;
    }
  }

  /** Looks up the states of pages, best in address order; the table must not change meanwhile. */
  final class States {
    private @Nullable Leaf leaf;

    /** {@return the state of a page, a hole if it was never listed} */
    byte at(long address) {
      long start = address >>> LEAF_SHIFT << LEAF_SHIFT;
      Leaf known = leaf;
      if (known == null || known.start != start) {
        known = leaves.get(start);
        leaf = known;
      }
      return known == null ? PageState.HOLE : known.states[index(address)];
    }

    /**
     * {@return the first page of {@code [start, end)} that the chain neither holds nor owes; {@code
     * end} if there is none}
     */
    long firstLacking(long start, long end) {
      return first(true, start, end);
    }

    /** {@return the first page that the chain holds or owes; {@code end} if there is none} */
    long firstHeld(long start, long end) {
      return first(false, start, end);
    }

    private long first(boolean lacking, long start, long end) {
      long address = start;
      while (address < end) {
        long leafStart = address >>> LEAF_SHIFT << LEAF_SHIFT;
        Leaf known = leaves.get(leafStart);
        if (known == null && lacking) {
          return address;
        }
        long leafEnd = Math.min(end, leafStart + ((long) LEAF_PAGES << PAGE_SHIFT));
        if (known != null) {
          int to = (int) ((leafEnd - leafStart) >>> PAGE_SHIFT);
          for (int i = index(address); i < to; i++) {
            if (PageState.lacking(known.states[i]) == lacking) {
              return leafStart + ((long) i << PAGE_SHIFT);
            }
          }
        }
        address = leafEnd;
      }
      return end;
    }
  }

  /** {@return a way to look up states} */
  States states() {
    return new States();
  }

  /** {@return a new cursor for one worker} */
  Cursor cursor() {
    return new Cursor();
  }

  /**
   * The kernel lists {@code [start, end)} as in memory or in swap.
   *
   * @param written whether it was written since it was last protected
   * @param zeroPage whether it is the shared zero page
   */
  void list(long start, long end, boolean written, boolean zeroPage) {
    for (long address = start; address < end; ) {
      Leaf leaf = leafFor(address);
      int from = index(address);
      long leafEnd = leaf.start + ((long) LEAF_PAGES << PAGE_SHIFT);
      int to = end >= leafEnd ? LEAF_PAGES : index(end);
      if (zeroPage) {
        Arrays.fill(leaf.states, from, to, PageState.ZERO);
      } else if (written) {
        owe(leaf, from, to);
      } else if (!allData(leaf, from, to)) {
        oweUnknown(leaf, from, to);
      }
      address = leaf.start + ((long) to << PAGE_SHIFT);
    }
  }

  private static boolean allData(Leaf leaf, int from, int to) {
    return Arrays.equals(leaf.states, from, to, ALL_DATA, from, to);
  }

  private void owe(Leaf leaf, int from, int to) {
    for (int i = from; i < to; i++) {
      leaf.states[i] |= PageState.OWED;
    }
    leaf.mayOwe(from, to);
    if (tracksHeat) {
      byte[] heat = leaf.heat;
      if (heat == null) {
        heat = new byte[LEAF_PAGES];
        leaf.heat = heat;
      }
      for (int i = from; i < to; i++) {
        heat[i] |= WRITTEN_NOW;
      }
    }
  }

  /** From now on keeps, in a byte per page, how often each page is written. */
  void trackHeat() {
    tracksHeat = true;
  }

  /**
   * A scan is over: every page becomes hotter if it listed the page as written, else cooler: {@code
   * h ← ½h + ½[written]}.
   *
   * @param means whether being listed meant being written: a first scan lists everything
   * @param owedByHeat is added, per heat, the pages owed
   */
  void turnHeat(boolean means, long[] owedByHeat) {
    for (Leaf leaf : leaves.values()) {
      byte[] heat = leaf.heat;
      for (int i = 0; heat != null && i < LEAF_PAGES; i++) {
        boolean written = means && (heat[i] & WRITTEN_NOW) != 0;
        int next = ((heat[i] & (HEATS - 1)) >> 1) + (written ? HEATS / 2 : 0);
        heat[i] = (byte) next;
        if (PageState.owed(leaf.states[i])) {
          owedByHeat[next]++;
        }
      }
    }
  }

  /**
   * Leaves pages that are owed and at least this hot out of what is collected, until told
   * otherwise: they stay owed.
   */
  void deferFrom(int heat) {
    deferredFrom = heat;
    deferredPages = 0;
  }

  /** {@return how many pages were left out of what was collected since {@link #deferFrom}} */
  long deferredPages() {
    return deferredPages;
  }

  /** Makes what is deferred count as stored, which it is not: for the control of a test. */
  void forgetDeferred() {
    for (Leaf leaf : leaves.values()) {
      for (int i = 0; i < LEAF_PAGES; i++) {
        if (PageState.owed(leaf.states[i]) && deferred(leaf, i)) {
          leaf.states[i] &= ~PageState.OWED;
        }
      }
    }
  }

  private boolean deferred(Leaf leaf, int page) {
    byte[] heat = leaf.heat;
    return deferredFrom < HEATS && heat != null && (heat[page] & (HEATS - 1)) >= deferredFrom;
  }

  /** Present and not written: known if we hold it or found it zero, else it must be read. */
  private static void oweUnknown(Leaf leaf, int from, int to) {
    for (int i = from; i < to; i++) {
      byte content = PageState.content(leaf.states[i]);
      if (content != PageState.DATA && content != PageState.ZERO_BYTES) {
        leaf.states[i] |= PageState.OWED;
        leaf.mayOwe(i, i + 1);
      }
    }
  }

  /** Nothing of the process's own is in {@code [start, end)} any more: holes, or file content. */
  void vacate(long start, long end, byte to) {
    var from = start >>> LEAF_SHIFT << LEAF_SHIFT;
    var part = leaves.subMap(from, end).entrySet().iterator();
    while (part.hasNext()) {
      Leaf leaf = part.next().getValue();
      long leafEnd = leaf.start + ((long) LEAF_PAGES << PAGE_SHIFT);
      int first = start <= leaf.start ? 0 : index(start);
      int last = end >= leafEnd ? LEAF_PAGES : index(end);
      Arrays.fill(leaf.states, first, last, to);
      if (to == PageState.HOLE && Arrays.equals(leaf.states, ALL_HOLES)) {
        part.remove();
      }
    }
  }

  /** {@return whether anything at all is known in {@code [start, end)}} */
  boolean knowsAnything(long start, long end) {
    return !leaves.subMap(start >>> LEAF_SHIFT << LEAF_SHIFT, end).isEmpty();
  }

  /** Visits the 2 MiB-aligned stretches of {@code [start, end)} in which something is known. */
  void forEachLeaf(long start, long end, LeafVisitor visitor) {
    for (Leaf leaf : leaves.subMap(start >>> LEAF_SHIFT << LEAF_SHIFT, end).values()) {
      visitor.leaf(Math.max(start, leaf.start), Math.min(end, leaf.start + (1L << LEAF_SHIFT)));
    }
  }

  /** {@return in how many 2 MiB-aligned stretches of {@code [start, end)} something is known} */
  int leafCount(long start, long end) {
    return leaves.subMap(start >>> LEAF_SHIFT << LEAF_SHIFT, end).size();
  }

  /**
   * Where a scan that starts at {@code start} should end so that it meets at most {@code most}
   * leaves we know of.
   *
   * @return an address in {@code (start, end]}, a leaf border or {@code end}
   */
  long afterLeaves(long start, long end, int most) {
    int met = 0;
    for (Map.Entry<Long, Leaf> e :
        leaves.subMap(start >>> LEAF_SHIFT << LEAF_SHIFT, end).entrySet()) {
      if (met++ == most) {
        return e.getKey();
      }
    }
    return end;
  }

  /**
   * Adds every owed page of {@code [start, end)} to {@code runs}, in address order; without those
   * that are deferred.
   */
  void collectOwed(long start, long end, RunList runs, byte kind) {
    for (Leaf leaf : leaves.subMap(start >>> LEAF_SHIFT << LEAF_SHIFT, end).values()) {
      long leafEnd = leaf.start + ((long) LEAF_PAGES << PAGE_SHIFT);
      int first = start <= leaf.start ? 0 : index(start);
      int last = end >= leafEnd ? LEAF_PAGES : index(end);
      boolean any = false;
      for (int i = Math.max(first, leaf.oweFrom); i < Math.min(last, leaf.oweTo); i++) {
        if (PageState.owed(leaf.states[i])) {
          any = true;
          if ((kind & RunList.COMPARED) == 0 && deferred(leaf, i)) {
            deferredPages++;
          } else {
            runs.add(leaf.start + ((long) i << PAGE_SHIFT), 1, kind);
          }
        }
      }
      if (!any && first == 0 && last == LEAF_PAGES) {
        leaf.owesNothing();
      }
    }
  }

  /** Receives runs of pages. */
  interface RunVisitor {
    void run(long start, long end);
  }

  /** Visits every owed page, as runs in address order. */
  void forEachOwed(RunVisitor visitor) {
    for (Leaf leaf : leaves.values()) {
      for (int i = leaf.oweFrom; i < leaf.oweTo; i++) {
        int first = i;
        while (i < leaf.oweTo && PageState.owed(leaf.states[i])) {
          i++;
        }
        if (i > first) {
          visitor.run(
              leaf.start + ((long) first << PAGE_SHIFT), leaf.start + ((long) i << PAGE_SHIFT));
        }
      }
    }
  }

  /** Pages of {@code [start, end)} that are in memory with bytes of their own are owed. */
  void oweHeld(long start, long end) {
    for (Leaf leaf : leaves.subMap(start >>> LEAF_SHIFT << LEAF_SHIFT, end).values()) {
      long leafEnd = leaf.start + ((long) LEAF_PAGES << PAGE_SHIFT);
      int first = start <= leaf.start ? 0 : index(start);
      int last = end >= leafEnd ? LEAF_PAGES : index(end);
      for (int i = first; i < last; i++) {
        byte content = PageState.content(leaf.states[i]);
        if (content == PageState.DATA || content == PageState.ZERO_BYTES) {
          leaf.states[i] |= PageState.OWED;
          leaf.mayOwe(i, i + 1);
        }
      }
    }
  }

  /** {@return whether every page of the leaf at {@code start} is in memory} */
  boolean isFull(long start) {
    Leaf leaf = leaves.get(start);
    if (leaf == null) {
      return false;
    }
    for (byte state : leaf.states) {
      byte content = PageState.content(state);
      if (content != PageState.DATA && content != PageState.ZERO_BYTES) {
        return false;
      }
    }
    return true;
  }

  /** {@return how many pages are owed} */
  long owedPages() {
    long owed = 0;
    for (Leaf leaf : leaves.values()) {
      for (int i = leaf.oweFrom; i < leaf.oweTo; i++) {
        if (PageState.owed(leaf.states[i])) {
          owed++;
        }
      }
    }
    return owed;
  }

  /** Visits every page the images hold after this round, as runs in address order. */
  void forEachHeld(HeldVisitor visitor) {
    for (Leaf leaf : leaves.values()) {
      if (Arrays.equals(leaf.states, ALL_DATA)) {
        visitor.held(leaf.start, LEAF_PAGES, false);
        continue;
      }
      int i = 0;
      while (i < LEAF_PAGES) {
        if (PageState.content(leaf.states[i]) != PageState.DATA) {
          i++;
          continue;
        }
        boolean stored = PageState.stored(leaf.states[i]);
        int first = i;
        while (i < LEAF_PAGES
            && PageState.content(leaf.states[i]) == PageState.DATA
            && PageState.stored(leaf.states[i]) == stored) {
          i++;
        }
        visitor.held(leaf.start + ((long) first << PAGE_SHIFT), i - first, stored);
      }
    }
  }

  /** The round is durable: what it stored is now the chain's. */
  void sealRound() {
    for (Leaf leaf : leaves.values()) {
      if (!Arrays.equals(leaf.states, ALL_DATA)) {
        for (int i = 0; i < LEAF_PAGES; i++) {
          leaf.states[i] &= ~PageState.STORED;
        }
      }
    }
  }

  /**
   * The round is dropped. What it stored is in no file: those pages are owed, and their hashes say
   * nothing about the chain.
   */
  void abortRound() {
    for (Leaf leaf : leaves.values()) {
      for (int i = 0; i < LEAF_PAGES; i++) {
        if (PageState.stored(leaf.states[i])) {
          leaf.states[i] = PageState.HOLE | PageState.OWED;
          leaf.mayOwe(i, i + 1);
        }
      }
    }
  }

  private Leaf leafFor(long address) {
    return leaves.computeIfAbsent(address >>> LEAF_SHIFT << LEAF_SHIFT, Leaf::new);
  }

  private static int index(long address) {
    return (int) (address >>> PAGE_SHIFT) & (LEAF_PAGES - 1);
  }

  private static byte[] filled(byte state) {
    byte[] states = new byte[LEAF_PAGES];
    Arrays.fill(states, state);
    return states;
  }
}
