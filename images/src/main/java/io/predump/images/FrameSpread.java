package io.predump.images;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * Decompresses the pages of a layout into a raw file, each frame once, on several threads: round by
 * round, frame by frame, every page written at its place.
 */
final class FrameSpread {
  private final IntFunction<FrameReader> files;
  private final PageLayout layout;
  private final long[] outPage;
  private final int lastRound;
  private final Storage storage;
  private final FileChannel out;
  private final Path file;

  private int round;
  private int run;
  private long skip;
  private boolean failed;

  /**
   * Prepares to write the pages of the rounds {@code firstRound} to {@code lastRound}; all is
   * borrowed.
   *
   * @param files the pages file of each of the rounds
   * @param outPage for every run of the layout, where its first page lies in the file, in pages
   */
  FrameSpread(
      IntFunction<FrameReader> files,
      PageLayout layout,
      long[] outPage,
      int firstRound,
      int lastRound,
      Storage storage,
      FileChannel out,
      Path file) {
    this.files = files;
    this.layout = layout;
    this.outPage = outPage;
    this.lastRound = lastRound;
    this.storage = storage;
    this.out = out;
    this.file = file;
    this.round = firstRound;
  }

  /** The pages of a layout that lie in one frame. */
  private static final class FrameWork {
    private final FrameReader reader;
    private final int frame;
    private int count;
    private int[] pageInFrame = new int[8];
    private int[] pageCount = new int[8];
    private long[] outPage = new long[8];

    FrameWork(FrameReader reader, int frame) {
      this.reader = reader;
      this.frame = frame;
    }

    void add(int page, int n, long to) {
      int last = count - 1;
      if (count > 0
          && pageInFrame[last] + pageCount[last] == page
          && outPage[last] + pageCount[last] == to) {
        pageCount[last] += n;
        return;
      }
      if (count == pageInFrame.length) {
        pageInFrame = Arrays.copyOf(pageInFrame, 2 * count);
        pageCount = Arrays.copyOf(pageCount, 2 * count);
        outPage = Arrays.copyOf(outPage, 2 * count);
      }
      pageInFrame[count] = page;
      pageCount[count] = n;
      outPage[count] = to;
      count++;
    }
  }

  void run(int threads) throws IOException {
    Workers.run(threads, this::work);
  }

  private void work() throws IOException {
    ByteBuffer compressed =
        ByteBuffer.allocateDirect(FrameCodec.maxFrameBytes(FrameCodec.MAX_SOURCE_BYTES));
    ByteBuffer source = ByteBuffer.allocateDirect(FrameCodec.MAX_SOURCE_BYTES);
    boolean done = false;
    try (FrameCodec codec = new FrameCodec(1)) {
      for (FrameWork w = next(); w != null; w = next()) {
        w.reader.read(w.frame, codec, compressed, source);
        for (int i = 0; i < w.count; i++) {
          storage.writeAt(
              out,
              file,
              source.slice(
                  w.pageInFrame[i] * PagesWriter.PAGE_BYTES,
                  w.pageCount[i] * PagesWriter.PAGE_BYTES),
              w.outPage[i] * PagesWriter.PAGE_BYTES);
        }
      }
      done = true;
    } finally {
      if (!done) {
        fail();
      }
    }
  }

  /** The others need not go on. */
  private synchronized void fail() {
    failed = true;
  }

  /** The next frame with all that is wanted of it; null at the end. */
  private synchronized @Nullable FrameWork next() {
    FrameWork work = null;
    while (!failed && round <= lastRound) {
      for (; run < layout.count(); run++, skip = 0) {
        if (layout.origin(run) != round) {
          continue;
        }
        FrameReader reader = files.apply(round);
        while (skip < layout.pages(run)) {
          long page = layout.sourcePage(run) + skip;
          int frame = reader.frameOf(page);
          if (work == null) {
            work = new FrameWork(reader, frame);
          } else if (work.frame != frame) {
            return work;
          }
          long first = reader.firstPage(frame);
          int inFrame = reader.frames().sourceBytes(frame) / PagesWriter.PAGE_BYTES;
          int n = (int) Math.min(layout.pages(run) - skip, first + inFrame - page);
          work.add((int) (page - first), n, outPage[run] + skip);
          skip += n;
        }
      }
      round++;
      run = 0;
      skip = 0;
      if (work != null) {
        return work;
      }
    }
    return work;
  }

  /** {@return where the runs of the given origins lie if they follow each other without gaps} */
  static long[] packed(PageLayout layout, int firstRound) {
    long[] outPage = new long[layout.count()];
    long next = 0;
    for (int i = 0; i < outPage.length; i++) {
      outPage[i] = next;
      next += isWritten(layout, i, firstRound) ? layout.pages(i) : 0;
    }
    return outPage;
  }

  static boolean isWritten(PageLayout layout, int run, int firstRound) {
    return layout.origin(run) <= PageLayout.ZEROS || layout.origin(run) >= firstRound;
  }
}
