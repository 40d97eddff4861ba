package io.predump.engine;

import io.predump.linux.SyscallException;
import io.predump.linux.mem.RawPagemap;
import io.predump.linux.proc.Smaps;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Searches where the kernel can only be asked page by page: smaps says how many pages a mapping
 * has, and the search ends when so many are found. It begins where pages were before and goes on
 * ever farther from there; if they do not add up, it ends when everything was read. An empty
 * reservation so costs nothing, one that is used at its start or where it was used before next to
 * nothing, and a page far from all others up to 0.7 s per TiB.
 *
 * <p>Counted are pages that smaps counts too, rather too few than too many: no zero page, small or
 * huge, and no marker. Too few only make the search longer.
 */
final class CountedParts implements PopulatedParts {
  /** How far from known pages is looked at, step by step. */
  private static final long[] DISTANCES = {0, 32L << 20, 1L << 30, 32L << 30, 1L << 40};

  /** A mapping filled to one part in so many is read as a whole: its holes cost little beside. */
  private static final int SPARSE = 16;

  /** Swap types from here on may be no swap: migration, poison, markers. */
  private static final long FIRST_DOUBTFUL_SWAP_TYPE = 16;

  private final LiveThread thread;
  private final RawPagemap pagemap;
  private final long zeroPlace;
  private final TestHooks hooks;
  private final long[] entries = new long[RawPagemap.CAPACITY];
  private @Nullable Smaps smaps;

  /**
   * @param pagemap borrowed
   * @param zeroPlace where the shared zero page lies, 0 if that is hidden
   */
  CountedParts(LiveThread thread, RawPagemap pagemap, long zeroPlace, TestHooks hooks) {
    this.thread = thread;
    this.pagemap = pagemap;
    this.zeroPlace = zeroPlace;
    this.hooks = hooks;
  }

  @Override
  public void beginScan() {
    smaps = null;
  }

  @Override
  public List<long[]> of(PolicedVma vma, ScanPacer pacer, PageTable known) throws SyscallException {
    if (vma.end() - vma.start() <= LARGE_BYTES || vma.fileBacked() || vma.hugetlb()) {
      return PopulatedParts.whole(vma);
    }
    RangeSet hints = new RangeSet();
    long[] hinted = new long[1];
    known.forEachLeaf(
        vma.start(),
        vma.end(),
        (start, end) -> {
          hinted[0] += end - start;
          hints.add(start, end);
        });
    if (hinted[0] >= (vma.end() - vma.start()) / SPARSE) {
      return PopulatedParts.whole(vma);
    }
    long pages = pages(vma);
    if (pages << PageTable.PAGE_SHIFT >= (vma.end() - vma.start()) / SPARSE) {
      return PopulatedParts.whole(vma);
    }
    return new Search(vma, pacer, known, pages).near(hints.ranges());
  }

  /** {@return how many pages smaps counts; no limit if it does not show the mapping as it is} */
  private long pages(PolicedVma vma) throws SyscallException {
    Smaps read = smaps;
    if (read == null) {
      read = thread.smaps();
      smaps = read;
    }
    Smaps.Entry entry = read.entry(vma.start());
    return entry == null || !entry.vma().equals(vma.vma())
        ? Long.MAX_VALUE >>> PageTable.PAGE_SHIFT
        : (entry.rssBytes() + entry.swapBytes()) >>> PageTable.PAGE_SHIFT;
  }

  /** One search through one mapping. */
  private final class Search {
    private final PolicedVma vma;
    private final ScanPacer pacer;
    private final PageTable known;
    private final RangeSet parts = new RangeSet();
    private final RangeSet unread = new RangeSet();
    private long missing;

    Search(PolicedVma vma, ScanPacer pacer, PageTable known, long pages) {
      this.vma = vma;
      this.pacer = pacer;
      this.known = known;
      this.missing = hooks.on(Protection.ALL_PAGES_COUNTED) ? pages : 1;
      unread.add(vma.start(), vma.end());
    }

    List<long[]> near(List<long[]> hints) throws SyscallException {
      for (long distance : DISTANCES) {
        for (long[] hint : hints) {
          read(Math.max(vma.start(), hint[0] - distance), Math.min(vma.end(), hint[1] + distance));
        }
      }
      read(vma.start(), vma.end());
      return parts.ranges();
    }

    /** Reads what was not read yet of {@code [start, end)}, as long as pages are missing. */
    private void read(long start, long end) throws SyscallException {
      for (long[] range : unread.ranges()) {
        long to = Math.min(end, range[1]);
        for (long at = Math.max(start, range[0]); at < to && missing > 0; ) {
          long begun = System.nanoTime();
          long next = readSome(at, Math.min(to, at + pacer.spanBytes(vma, known, at)));
          pacer.walked(System.nanoTime() - begun);
          unread.remove(at, next);
          at = next;
        }
      }
    }

    private long readSome(long start, long end) throws SyscallException {
      int read = pagemap.read(start, (end - start) >>> PageTable.PAGE_SHIFT, entries);
      for (int i = 0; i < read; i++) {
        if (RawPagemap.present(entries[i]) || RawPagemap.swapped(entries[i])) {
          long address = start + ((long) i << PageTable.PAGE_SHIFT);
          PopulatedParts.addLeaves(parts, address, address + PageTable.PAGE_BYTES, vma);
          if (counted(entries[i])) {
            missing--;
          }
        }
      }
      return start + ((long) read << PageTable.PAGE_SHIFT);
    }

    /** The huge zero page looks like a page of a file; where frames hide, none is exclusive. */
    private boolean counted(long entry) {
      if (!RawPagemap.present(entry)) {
        return zeroPlace != 0 && RawPagemap.swapType(entry) < FIRST_DOUBTFUL_SWAP_TYPE;
      }
      return RawPagemap.exclusive(entry)
          || (zeroPlace != 0 && !RawPagemap.file(entry) && RawPagemap.place(entry) != zeroPlace);
    }
  }

  @Override
  public void close() {
    // the pagemap is borrowed
  }
}
