package io.predump.images;

import java.nio.file.Path;
import java.util.Arrays;

/**
 * Which round holds each page of one pagemap, as runs in ascending order; immutable. Built round by
 * round, oldest first: a PARENT entry copies the runs of the round before, so no lookup ever walks
 * the chain.
 */
final class PageRuns {
  /** A round that holds nothing. */
  static final PageRuns NONE = new Builder(0, true).build();

  /** A round that cannot be read: nothing is known of what it holds. */
  static final PageRuns UNKNOWN = new Builder(0, false).build();

  private final boolean complete;
  private final int count;
  private final long[] vaddr;
  private final long[] pages;
  private final int[] round;
  private final long[] sourcePage;

  private PageRuns(
      boolean complete, int count, long[] vaddr, long[] pages, int[] round, long[] sourcePage) {
    this.complete = complete;
    this.count = count;
    this.vaddr = vaddr;
    this.pages = pages;
    this.round = round;
    this.sourcePage = sourcePage;
  }

  /**
   * Resolves one pagemap.
   *
   * @param file the pagemap's path, for messages
   * @param pagemap its entries, none read yet
   * @param round number of its round
   * @param parent what the round before holds; PARENT pages that an incomplete list lacks are left
   *     out, and make this list incomplete
   * @param sourcePages pages in its pages file
   */
  static PageRuns resolve(
      Path file, PagemapReader pagemap, int round, PageRuns parent, long sourcePages)
      throws ImageCorruptException {
    Builder b = new Builder(64, true);
    long present = 0;
    int cursor = 0;
    while (pagemap.next()) {
      long start = pagemap.vaddr();
      if (pagemap.kind() == PageKind.PRESENT) {
        b.add(start, pagemap.pageCount(), round, present);
        present += pagemap.pageCount();
        if (present > sourcePages || present < 0) {
          throw pagemap.corrupt("more PRESENT pages than the pages file holds: " + sourcePages);
        }
        continue;
      }
      long left = pagemap.pageCount();
      while (left > 0) {
        while (cursor < parent.count && Long.compareUnsigned(parent.end(cursor), start) <= 0) {
          cursor++;
        }
        if (cursor == parent.count || Long.compareUnsigned(parent.vaddr[cursor], start) > 0) {
          if (parent.complete) {
            throw pagemap.corrupt(
                String.format("page 0x%x: PARENT, but the parent does not hold it", start));
          }
          b.complete = false;
          long unknown =
              cursor == parent.count ? left : Math.min(left, (parent.vaddr[cursor] - start) >>> 12);
          start += unknown << 12;
          left -= unknown;
          continue;
        }
        long skip = (start - parent.vaddr[cursor]) >>> 12;
        long n = Math.min(left, parent.pages[cursor] - skip);
        b.add(start, n, parent.round[cursor], parent.sourcePage[cursor] + skip);
        start += n << 12;
        left -= n;
      }
    }
    if (present != sourcePages) {
      throw new ImageCorruptException(
          file, -1, "PRESENT pages=" + present + " pages in the pages file=" + sourcePages);
    }
    return b.build();
  }

  /** False if the list lacks pages because a round they may lie in cannot be read. */
  boolean complete() {
    return complete;
  }

  int count() {
    return count;
  }

  long vaddr(int run) {
    return vaddr[run];
  }

  long end(int run) {
    return vaddr[run] + (pages[run] << 12);
  }

  long pages(int run) {
    return pages[run];
  }

  int round(int run) {
    return round[run];
  }

  /** Index of the run's first page among the PRESENT pages of its round. */
  long sourcePage(int run) {
    return sourcePage[run];
  }

  long pageCount() {
    long sum = 0;
    for (int i = 0; i < count; i++) {
      sum += pages[i];
    }
    return sum;
  }

  /** The run that holds an address, −1 if none does. */
  int find(long address) {
    int low = 0;
    int high = count - 1;
    while (low <= high) {
      int mid = (low + high) >>> 1;
      if (Long.compareUnsigned(address, vaddr[mid]) < 0) {
        high = mid - 1;
      } else if (Long.compareUnsigned(address, end(mid)) >= 0) {
        low = mid + 1;
      } else {
        return mid;
      }
    }
    return -1;
  }

  private static final class Builder {
    private boolean complete;
    private int count;
    private long[] vaddr;
    private long[] pages;
    private int[] round;
    private long[] sourcePage;

    Builder(int capacity, boolean complete) {
      this.complete = complete;
      vaddr = new long[capacity];
      pages = new long[capacity];
      round = new int[capacity];
      sourcePage = new long[capacity];
    }

    void add(long start, long n, int inRound, long source) {
      int last = count - 1;
      if (last >= 0
          && round[last] == inRound
          && vaddr[last] + (pages[last] << 12) == start
          && sourcePage[last] + pages[last] == source) {
        pages[last] += n;
        return;
      }
      if (count == vaddr.length) {
        int capacity = 2 * count;
        vaddr = Arrays.copyOf(vaddr, capacity);
        pages = Arrays.copyOf(pages, capacity);
        round = Arrays.copyOf(round, capacity);
        sourcePage = Arrays.copyOf(sourcePage, capacity);
      }
      vaddr[count] = start;
      pages[count] = n;
      round[count] = inRound;
      sourcePage[count] = source;
      count++;
    }

    PageRuns build() {
      return new PageRuns(
          complete,
          count,
          Arrays.copyOf(vaddr, count),
          Arrays.copyOf(pages, count),
          Arrays.copyOf(round, count),
          Arrays.copyOf(sourcePage, count));
    }
  }
}
