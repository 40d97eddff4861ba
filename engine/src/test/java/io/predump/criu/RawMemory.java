package io.predump.criu;

import io.predump.proto.PagemapEntry;
import io.predump.proto.PagemapHead;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/** Raw images of one process as any program may read and write them; independent of ours. */
final class RawMemory {
  static final int PAGE = 4096;
  private static final int MAGIC_COMMON = 0x54564319;
  private static final int MAGIC_PAGEMAP = 0x56084025;
  private static final int PARENT = 1;
  private static final int PRESENT = 4;

  private int pagesId;
  private final SortedMap<Long, byte[]> pages = new TreeMap<>(Long::compareUnsigned);

  private RawMemory(int pagesId) {
    this.pagesId = pagesId;
  }

  /** Reads PRESENT pages and, through the link, those of the parent. */
  static RawMemory read(Path directory, int vpid) throws IOException {
    Path file = directory.resolve("pagemap-" + vpid + ".img");
    ByteBuffer b = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    if (b.getInt() != MAGIC_COMMON || b.getInt() != MAGIC_PAGEMAP) {
      throw new IOException(file + ": magic");
    }
    RawMemory memory = new RawMemory(PagemapHead.parseFrom(record(b)).getPagesId());
    byte[] bytes = Files.readAllBytes(directory.resolve("pages-" + memory.pagesId + ".img"));
    int at = 0;
    RawMemory parent = null;
    while (b.hasRemaining()) {
      PagemapEntry entry = PagemapEntry.parseFrom(record(b));
      long count = entry.hasNrPages() ? entry.getNrPages() : entry.getCompatNrPages();
      for (long a = entry.getVaddr(); count > 0; count--, a += PAGE) {
        if ((entry.getFlags() & PRESENT) == 0) {
          parent = parent == null ? read(directory.resolve("parent"), vpid) : parent;
          byte[] page = parent.pages.get(a);
          if (page == null) {
            throw new IOException(file + ": parent has no page " + Long.toHexString(a));
          }
          memory.pages.put(a, page);
        } else {
          memory.pages.put(a, Arrays.copyOfRange(bytes, at, at + PAGE));
          at += PAGE;
        }
      }
    }
    if (at != bytes.length) {
      throw new IOException(file + ": pages read=" + at + " of " + bytes.length);
    }
    return memory;
  }

  private static ByteBuffer record(ByteBuffer b) {
    int length = b.getInt();
    ByteBuffer record = b.slice(b.position(), length);
    b.position(b.position() + length);
    return record;
  }

  SortedMap<Long, byte[]> pages() {
    return pages;
  }

  /** {@return N of its {@code pages-N.img}} */
  int pagesId() {
    return pagesId;
  }

  /** Writes both files anew, under another number. */
  void writeUnder(int newPagesId, Path directory, int vpid) throws IOException {
    pagesId = newPagesId;
    writeOver(directory, vpid, new RawMemory(newPagesId));
  }

  /**
   * Writes both files anew, with the pages that the parent holds with equal bytes left to it.
   *
   * @return how many are
   */
  int writeOver(Path directory, int vpid, RawMemory parent) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    ByteArrayOutputStream pagemap = new ByteArrayOutputStream();
    pagemap.write(fixed(MAGIC_COMMON));
    pagemap.write(fixed(MAGIC_PAGEMAP));
    append(pagemap, PagemapHead.newBuilder().setPagesId(pagesId).build().toByteArray());
    int inParent = 0;
    for (Map.Entry<Long, byte[]> page : pages.entrySet()) {
      boolean equal = Arrays.equals(page.getValue(), parent.pages.get(page.getKey()));
      append(
          pagemap,
          PagemapEntry.newBuilder()
              .setVaddr(page.getKey())
              .setCompatNrPages(1)
              .setNrPages(1)
              .setFlags(equal ? PARENT : PRESENT)
              .build()
              .toByteArray());
      if (equal) {
        inParent++;
      } else {
        bytes.write(page.getValue());
      }
    }
    Files.write(directory.resolve("pagemap-" + vpid + ".img"), pagemap.toByteArray());
    Files.write(directory.resolve("pages-" + pagesId + ".img"), bytes.toByteArray());
    return inParent;
  }

  private static void append(ByteArrayOutputStream out, byte[] record) throws IOException {
    out.write(fixed(record.length));
    out.write(record);
  }

  private static byte[] fixed(int value) {
    return ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array();
  }
}
