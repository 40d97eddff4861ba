package io.predump.engine;

import java.util.Arrays;

/**
 * Runs of pages to read, in address order, in three growing arrays. A run lies in one mapping; its
 * kind says which pages may be dropped.
 */
final class RunList {
  /** Zero pages may be dropped: a fresh mapping shows zeros. */
  static final byte DROP_ZERO = 1;

  /** Nobody says the pages were written: those equal to the chain's are dropped, always. */
  static final byte COMPARED = 2;

  private long[] starts = new long[256];
  private int[] pageCounts = new int[256];
  private byte[] kinds = new byte[256];
  private int size;
  private long totalPages;

  /** Appends a run; one that continues the last one makes it longer. */
  void add(long start, int pageCount, byte kind) {
    if (size > 0
        && kinds[size - 1] == kind
        && starts[size - 1] + ((long) pageCounts[size - 1] << PageTable.PAGE_SHIFT) == start
        && pageCounts[size - 1] <= Integer.MAX_VALUE - pageCount) {
      pageCounts[size - 1] += pageCount;
    } else {
      if (size == starts.length) {
        starts = Arrays.copyOf(starts, size * 2);
        pageCounts = Arrays.copyOf(pageCounts, size * 2);
        kinds = Arrays.copyOf(kinds, size * 2);
      }
      starts[size] = start;
      pageCounts[size] = pageCount;
      kinds[size++] = kind;
    }
    totalPages += pageCount;
  }

  int size() {
    return size;
  }

  long start(int run) {
    return starts[run];
  }

  int pageCount(int run) {
    return pageCounts[run];
  }

  byte kind(int run) {
    return kinds[run];
  }

  long totalPages() {
    return totalPages;
  }

  /**
   * Cuts the runs into jobs of at most {@code pagesPerJob} pages.
   *
   * @return the same pages, no run longer than a job, and where each job begins
   */
  Jobs cut(int pagesPerJob) {
    RunPieces pieces = new RunPieces(size + (int) (totalPages / pagesPerJob) + 1);
    int[] firstPieces = new int[(int) (totalPages / pagesPerJob) + 2];
    int jobs = 0;
    int room = 0;
    for (int r = 0; r < size; r++) {
      long start = starts[r];
      int left = pageCounts[r];
      while (left > 0) {
        if (room == 0) {
          firstPieces[jobs++] = pieces.count;
          room = pagesPerJob;
        }
        int n = Math.min(left, room);
        pieces.add(start, n, kinds[r]);
        start += (long) n << PageTable.PAGE_SHIFT;
        left -= n;
        room -= n;
      }
    }
    firstPieces[jobs] = pieces.count;
    return new Jobs(pieces, firstPieces, jobs, totalPages);
  }

  private static final class RunPieces {
    private long[] starts;
    private int[] pageCounts;
    private byte[] kinds;
    private int count;

    RunPieces(int expected) {
      starts = new long[expected];
      pageCounts = new int[expected];
      kinds = new byte[expected];
    }

    void add(long start, int pageCount, byte kind) {
      if (count == starts.length) {
        int more = Math.max(16, count * 2);
        starts = Arrays.copyOf(starts, more);
        pageCounts = Arrays.copyOf(pageCounts, more);
        kinds = Arrays.copyOf(kinds, more);
      }
      starts[count] = start;
      pageCounts[count] = pageCount;
      kinds[count++] = kind;
    }
  }

  /** Runs cut into jobs; immutable, shared by all workers. */
  static final class Jobs {
    private final RunPieces pieces;
    private final int[] firstPieces;
    private final int count;
    private final long totalPages;

    private Jobs(RunPieces pieces, int[] firstPieces, int count, long totalPages) {
      this.pieces = pieces;
      this.firstPieces = firstPieces;
      this.count = count;
      this.totalPages = totalPages;
    }

    int count() {
      return count;
    }

    long totalPages() {
      return totalPages;
    }

    int firstPiece(int job) {
      return firstPieces[job];
    }

    int endPiece(int job) {
      return firstPieces[job + 1];
    }

    long start(int piece) {
      return pieces.starts[piece];
    }

    int pageCount(int piece) {
      return pieces.pageCounts[piece];
    }

    byte kind(int piece) {
      return pieces.kinds[piece];
    }

    /** {@return how many pages a job has} */
    int pages(int job) {
      int n = 0;
      for (int p = firstPieces[job]; p < firstPieces[job + 1]; p++) {
        n += pieces.pageCounts[p];
      }
      return n;
    }

    /** {@return the starts of all pieces; read, do not write} */
    long[] starts() {
      return pieces.starts;
    }
  }
}
