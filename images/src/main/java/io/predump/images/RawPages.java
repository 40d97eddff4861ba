package io.predump.images;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.function.IntFunction;

/**
 * Writes one pagemap and its raw {@code pages-N.img}, as CRIU's own, from a layout. Pages of rounds
 * before the first one written become PARENT.
 */
final class RawPages {
  private static final int COPY_BYTES = 1 << 20;

  private final Storage storage;
  private final Path directory;
  private final int threads;

  RawPages(Storage storage, Path directory, int threads) {
    this.storage = storage;
    this.directory = directory;
    this.threads = threads;
  }

  /** {@return CRIU's name of pages file {@code id}} */
  static String fileName(int id) {
    return "pages-" + id + ".img";
  }

  /**
   * Writes both files.
   *
   * @param files the pages file of each round the layout speaks of
   * @param firstRound pages of older rounds are left to the parent
   * @param criuPages the file of CRIU's own pages, if the layout has such
   * @return bytes of the pages file
   */
  long write(
      PagesName name,
      int id,
      PageLayout layout,
      IntFunction<FrameReader> files,
      int firstRound,
      int lastRound,
      Optional<Path> criuPages)
      throws IOException {
    pagemap(name, id, layout, firstRound);
    return pages(id, layout, files, firstRound, lastRound, criuPages);
  }

  /** Writes the pages file alone, see {@link #write}. */
  long pages(
      int id,
      PageLayout layout,
      IntFunction<FrameReader> files,
      int firstRound,
      int lastRound,
      Optional<Path> criuPages)
      throws IOException {
    long[] outPage = FrameSpread.packed(layout, firstRound);
    long count = 0;
    for (int i = 0; i < layout.count(); i++) {
      count += FrameSpread.isWritten(layout, i, firstRound) ? layout.pages(i) : 0;
    }
    long bytes = count * PagesWriter.PAGE_BYTES;
    Path file = directory.resolve(fileName(id));
    try (FileChannel out = storage.createFile(file)) {
      if (count > 0) {
        // what nobody writes is zeros, and a hole
        storage.writeAt(out, file, ByteBuffer.allocate(1), bytes - 1);
      }
      if (criuPages.isPresent()) {
        copy(layout, outPage, criuPages.get(), out, file);
      }
      new FrameSpread(files, layout, outPage, firstRound, lastRound, storage, out, file)
          .run(threads);
      storage.close(out, file);
    }
    return bytes;
  }

  private void copy(PageLayout layout, long[] outPage, Path from, FileChannel out, Path file)
      throws IOException {
    byte[] piece = new byte[COPY_BYTES];
    try (FileChannel in =
        FileChannel.open(from, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
      for (int i = 0; i < layout.count(); i++) {
        if (layout.origin(i) != PageLayout.CRIU) {
          continue;
        }
        long bytes = layout.pages(i) * PagesWriter.PAGE_BYTES;
        long offset = layout.sourcePage(i) * PagesWriter.PAGE_BYTES;
        for (long done = 0; done < bytes; ) {
          int n = (int) Math.min(piece.length, bytes - done);
          ImageFiles.readFully(in, from, offset + done, piece, n);
          long to = outPage[i] * PagesWriter.PAGE_BYTES + done;
          storage.writeAt(out, file, ByteBuffer.wrap(piece, 0, n), to);
          done += n;
        }
      }
    }
  }

  private void pagemap(PagesName name, int id, PageLayout layout, int firstRound)
      throws IOException {
    Path file = directory.resolve(name.fileName());
    try (FileChannel out = storage.createFile(file)) {
      PagemapEncoder entries =
          new PagemapEncoder(
              new OutputStream() {
                @Override
                public void write(int b) throws IOException {
                  write(new byte[] {(byte) b}, 0, 1);
                }

                @Override
                public void write(byte[] b, int offset, int length) throws IOException {
                  storage.write(out, file, ByteBuffer.wrap(b, offset, length));
                }
              },
              id);
      for (int i = 0; i < layout.count(); i++) {
        boolean written = FrameSpread.isWritten(layout, i, firstRound);
        entries.entry(
            layout.vaddr(i), layout.pages(i), written ? PageKind.PRESENT : PageKind.PARENT);
      }
      entries.finish();
      storage.close(out, file);
    }
  }
}
