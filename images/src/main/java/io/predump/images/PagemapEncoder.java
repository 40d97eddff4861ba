package io.predump.images;

import com.google.protobuf.CodedOutputStream;
import java.io.IOException;
import java.io.OutputStream;

/**
 * Writes a pagemap; the grammar is at {@link PagesWriter}. Adjacent runs of the same kind become
 * one entry.
 */
final class PagemapEncoder {
  /** CRIU keeps the count in 32 bits as well: a longer run is split. */
  private static final long MAX_RUN_PAGES = 0xFFFF_FFFFL;

  private final CodedOutputStream coded;
  private long runStart;
  private long runPages;
  private PageKind runKind = PageKind.PRESENT;

  /** Writes the head; the stream is borrowed and not closed. */
  PagemapEncoder(OutputStream out, int pagesId) throws IOException {
    coded = CodedOutputStream.newInstance(out, 1 << 16);
    coded.writeFixed32NoTag(ImageFiles.MAGIC_COMMON);
    coded.writeFixed32NoTag(ImageFiles.MAGIC_PAGEMAP);
    coded.writeFixed32NoTag(CodedOutputStream.computeUInt32Size(1, pagesId));
    coded.writeUInt32(1, pagesId);
  }

  /** Lists a run of pages, see {@link PagesWriter#entry}. */
  void entry(long vaddr, long pageCount, PageKind kind) throws IOException {
    long end = vaddr + pageCount * PagesWriter.PAGE_BYTES;
    if ((vaddr & (PagesWriter.PAGE_BYTES - 1)) != 0
        || pageCount <= 0
        || pageCount > Long.MAX_VALUE / PagesWriter.PAGE_BYTES
        || Long.compareUnsigned(end, vaddr) <= 0) {
      throw new IllegalArgumentException(
          String.format("entry: vaddr=0x%x pageCount=%d", vaddr, pageCount));
    }
    long runEnd = runStart + runPages * PagesWriter.PAGE_BYTES;
    if (Long.compareUnsigned(vaddr, runEnd) < 0) {
      throw new IllegalArgumentException(
          String.format(
              "entry: vaddr=0x%x is below 0x%x, the end of the run before", vaddr, runEnd));
    }
    if (runPages > 0 && vaddr == runEnd && kind == runKind) {
      runPages += pageCount;
    } else {
      flushRun();
      runStart = vaddr;
      runPages = pageCount;
      runKind = kind;
    }
  }

  private void flushRun() throws IOException {
    long vaddr = runStart;
    for (long left = runPages; left > 0; ) {
      long count = Math.min(left, MAX_RUN_PAGES);
      coded.writeFixed32NoTag(
          CodedOutputStream.computeUInt64Size(1, vaddr)
              + CodedOutputStream.computeUInt32Size(2, (int) count)
              + CodedOutputStream.computeUInt32Size(4, runKind.flag)
              + CodedOutputStream.computeUInt64Size(5, count));
      coded.writeUInt64(1, vaddr);
      coded.writeUInt32(2, (int) count);
      coded.writeUInt32(4, runKind.flag);
      coded.writeUInt64(5, count);
      vaddr += count * PagesWriter.PAGE_BYTES;
      left -= count;
    }
  }

  /** Writes what is not written yet to the stream. */
  void finish() throws IOException {
    flushRun();
    coded.flush();
  }
}
