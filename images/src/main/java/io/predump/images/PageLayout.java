package io.predump.images;

import java.util.Arrays;
import java.util.List;

/**
 * Which pages a raw image holds and where their bytes come from, as runs in ascending order;
 * immutable. The pages of one round ascend in its pages file as well.
 */
final class PageLayout {
  /** Origin of pages that are zeros; all others are a round's number. */
  static final int ZEROS = 0;

  /** Origin of pages whose bytes CRIU wrote itself. */
  static final int CRIU = -1;

  private final int count;
  private final long[] vaddr;
  private final long[] pages;
  private final int[] origin;
  private final long[] sourcePage;

  private PageLayout(Builder b) {
    count = b.count;
    vaddr = Arrays.copyOf(b.vaddr, count);
    pages = Arrays.copyOf(b.pages, count);
    origin = Arrays.copyOf(b.origin, count);
    sourcePage = Arrays.copyOf(b.sourcePage, count);
  }

  /** All pages a chain holds under one name. */
  static PageLayout of(PageRuns runs) {
    Builder b = new Builder();
    for (int i = 0; i < runs.count(); i++) {
      b.add(runs.vaddr(i), runs.pages(i), runs.round(i), runs.sourcePage(i));
    }
    return b.build();
  }

  /** Pages of zeros over all of some ranges. */
  static PageLayout zeros(List<CriuTask.PrivateMapping> ranges) {
    Builder b = new Builder();
    for (CriuTask.PrivateMapping m : ranges) {
      b.add(m.start(), (m.end() - m.start()) >>> 12, ZEROS, 0);
    }
    return b.build();
  }

  /** The part of this that lies in a range. */
  PageLayout between(long start, long end) {
    int low = 0;
    for (int high = count; low < high; ) {
      int mid = (low + high) >>> 1;
      if (Long.compareUnsigned(end(mid), start) <= 0) {
        low = mid + 1;
      } else {
        high = mid;
      }
    }
    Builder b = new Builder();
    boolean empty = Long.compareUnsigned(start, end) >= 0;
    for (int i = low; !empty && i < count && Long.compareUnsigned(vaddr[i], end) < 0; i++) {
      addPart(b, i, max(vaddr[i], start), min(end(i), end));
    }
    return b.build();
  }

  /** The part of this that lies where the other one has pages of any origin. */
  PageLayout within(PageLayout ranges) {
    Builder b = new Builder();
    int r = 0;
    for (int i = 0; i < count; i++) {
      while (r < ranges.count && Long.compareUnsigned(ranges.end(r), vaddr[i]) <= 0) {
        r++;
      }
      for (int k = r; k < ranges.count; k++) {
        if (Long.compareUnsigned(ranges.vaddr[k], end(i)) >= 0) {
          break;
        }
        addPart(b, i, max(vaddr[i], ranges.vaddr[k]), min(end(i), ranges.end(k)));
      }
    }
    return b.build();
  }

  /** The pages of this, and those of the other one that this has not. */
  PageLayout orElse(PageLayout other) {
    Builder b = new Builder();
    int i = 0;
    for (int k = 0; k < other.count; k++) {
      long from = other.vaddr[k];
      long end = other.end(k);
      while (i < count && Long.compareUnsigned(vaddr[i], end) < 0) {
        if (Long.compareUnsigned(from, vaddr[i]) < 0) {
          other.addPart(b, k, from, vaddr[i]);
        }
        if (Long.compareUnsigned(end(i), end) > 0) {
          // it goes on behind this run of the other one, and is added when its end is reached
          from = end;
          break;
        }
        from = max(from, end(i));
        addPart(b, i, vaddr[i], end(i));
        i++;
      }
      if (Long.compareUnsigned(from, end) < 0) {
        other.addPart(b, k, from, end);
      }
    }
    for (; i < count; i++) {
      addPart(b, i, vaddr[i], end(i));
    }
    return b.build();
  }

  private void addPart(Builder b, int run, long start, long end) {
    b.add(
        start,
        (end - start) >>> 12,
        origin[run],
        origin[run] == ZEROS ? 0 : sourcePage[run] + ((start - vaddr[run]) >>> 12));
  }

  private static long max(long a, long b) {
    return Long.compareUnsigned(a, b) >= 0 ? a : b;
  }

  private static long min(long a, long b) {
    return Long.compareUnsigned(a, b) <= 0 ? a : b;
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

  /** A round's number, {@link #ZEROS} or {@link #CRIU}. */
  int origin(int run) {
    return origin[run];
  }

  /** Index of the run's first page in the pages file of its origin. */
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

  /** Pages of one origin. */
  long pageCount(int from) {
    long sum = 0;
    for (int i = 0; i < count; i++) {
      sum += origin[i] == from ? pages[i] : 0;
    }
    return sum;
  }

  /** Collects runs in ascending order. */
  static final class Builder {
    private int count;
    private long[] vaddr = new long[64];
    private long[] pages = new long[64];
    private int[] origin = new int[64];
    private long[] sourcePage = new long[64];

    void add(long start, long n, int from, long source) {
      int last = count - 1;
      if (last >= 0
          && origin[last] == from
          && vaddr[last] + (pages[last] << 12) == start
          && (from == ZEROS || sourcePage[last] + pages[last] == source)) {
        pages[last] += n;
        return;
      }
      if (count == vaddr.length) {
        int capacity = 2 * count;
        vaddr = Arrays.copyOf(vaddr, capacity);
        pages = Arrays.copyOf(pages, capacity);
        origin = Arrays.copyOf(origin, capacity);
        sourcePage = Arrays.copyOf(sourcePage, capacity);
      }
      vaddr[count] = start;
      pages[count] = n;
      origin[count] = from;
      sourcePage[count] = source;
      count++;
    }

    PageLayout build() {
      return new PageLayout(this);
    }
  }
}
