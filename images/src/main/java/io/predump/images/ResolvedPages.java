package io.predump.images;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The pages of one pagemap as the chain holds them: the newest round's list, each page resolved to
 * the round that stores it. Resolved once, when made.
 *
 * <p>Reading keeps the frames used last, at most 16 MiB for all pagemaps of a chain. Reads in
 * address order decompress each frame once if what the pages in between need fits there, and
 * otherwise once per run of its pages at most. All objects of one chain are of one thread at a
 * time; {@link #forAnotherThread} gives another thread its own. Usable until the {@link ImageChain}
 * is closed.
 */
public final class ResolvedPages {
  private final PageRuns runs;
  private final int firstRound;
  private final @Nullable FrameReader[] files;
  private final FrameCache cache;
  private final List<ResolvedPages> siblings = new ArrayList<>();
  private int lastRun;
  private long framesDecompressed;

  /** Borrows the files and the cache; the chain owns them. */
  ResolvedPages(PageRuns runs, int firstRound, @Nullable FrameReader[] files, FrameCache cache) {
    this.runs = runs;
    this.firstRound = firstRound;
    this.files = files;
    this.cache = cache;
  }

  /** Receives runs of pages. */
  @FunctionalInterface
  public interface RunVisitor {
    /**
     * Receives one run.
     *
     * @param vaddr address of the first page
     * @param pageCount number of pages
     * @param round number of the round that stores them
     */
    void run(long vaddr, long pageCount, int round) throws IOException;
  }

  PageRuns runs() {
    return runs;
  }

  /** {@return the pages file of a round that holds pages of this name} */
  FrameReader file(int round) {
    FrameReader file = files[round - firstRound];
    if (file == null) {
      throw new IllegalStateException("round " + round + ": no pages file");
    }
    return file;
  }

  /** Number of pages held. */
  public long pageCount() {
    return runs.pageCount();
  }

  /**
   * Visits every run in ascending order. Neighbouring runs may be of the same round.
   *
   * @throws IOException if the visitor does
   */
  public void forEachRun(RunVisitor visitor) throws IOException {
    for (int i = 0; i < runs.count(); i++) {
      visitor.run(runs.vaddr(i), runs.pages(i), runs.round(i));
    }
  }

  /** Number of the round that stores the page at an address, −1 if the chain does not hold it. */
  public int roundOf(long vaddr) {
    int run = find(vaddr);
    return run < 0 ? -1 : runs.round(run);
  }

  /**
   * Reads one page. Its frame is checked before use: XXH3-128 of the compressed bytes, zstd's own
   * checksum of the content.
   *
   * @param vaddr page aligned address
   * @param page takes 4096 bytes at its position, which advances
   * @return false if the chain does not hold the page; {@code page} is left alone then
   * @throws ImageCorruptException if the frame is damaged
   * @throws IOException if it cannot be read
   */
  public boolean read(long vaddr, ByteBuffer page) throws IOException {
    if ((vaddr & (PagesWriter.PAGE_BYTES - 1)) != 0 || page.remaining() < PagesWriter.PAGE_BYTES) {
      throw new IllegalArgumentException(
          String.format("read: vaddr=0x%x remaining=%d", vaddr, page.remaining()));
    }
    int run = find(vaddr);
    if (run < 0) {
      return false;
    }
    FrameReader file = file(runs.round(run));
    long sourcePage = runs.sourcePage(run) + ((vaddr - runs.vaddr(run)) >>> 12);
    int frame = file.frameOf(sourcePage);
    byte[] source = cache.find(file, frame);
    if (source == null) {
      source = cache.load(file, frame);
      framesDecompressed++;
    }
    int offset = (int) (sourcePage - file.firstPage(frame)) * PagesWriter.PAGE_BYTES;
    page.put(source, offset, PagesWriter.PAGE_BYTES);
    return true;
  }

  private int find(long vaddr) {
    // reads come in address order: the run before, or the one after it
    for (int i = lastRun; i < Math.min(lastRun + 2, runs.count()); i++) {
      if (Long.compareUnsigned(vaddr, runs.vaddr(i)) >= 0
          && Long.compareUnsigned(vaddr, runs.end(i)) < 0) {
        lastRun = i;
        return i;
      }
    }
    int run = runs.find(vaddr);
    if (run >= 0) {
      lastRun = run;
    }
    return run;
  }

  /** Frames decompressed so far by this object. */
  public long framesDecompressed() {
    return framesDecompressed;
  }

  /**
   * The same pages for another thread, with frames of its own. To be made by the thread that uses
   * this object.
   */
  public ResolvedPages forAnotherThread() {
    ResolvedPages other = new ResolvedPages(runs, firstRound, files, new FrameCache());
    siblings.add(other);
    return other;
  }

  /** Closes what {@link #forAnotherThread} made; the chain closes its own cache. */
  void closeSiblings() {
    for (ResolvedPages sibling : siblings) {
      sibling.closeSiblings();
      sibling.cache.close();
    }
  }
}
