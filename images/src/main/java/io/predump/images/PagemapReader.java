package io.predump.images;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.WireFormat;
import java.io.IOException;
import java.nio.file.Path;

/**
 * Reads a pagemap entry by entry, checking lengths, alignment and order; the grammar is at {@link
 * PagesWriter}. No object per entry.
 */
final class PagemapReader {
  private static final int FLAG_PARENT = 1;
  private static final int FLAG_LAZY = 2;
  private static final int FLAG_PRESENT = 4;

  private final Path file;
  private final CodedInputStream in;
  private final int size;
  private final boolean criu;
  private int pagesId;
  private int recordOffset;
  private long vaddr;
  private long pageCount;
  private long end;
  private PageKind kind = PageKind.PRESENT;
  private boolean lazy;

  /** Reads a pagemap of ours. */
  PagemapReader(Path file, byte[] bytes) throws ImageCorruptException {
    this(file, bytes, false);
  }

  /**
   * Reads a pagemap that CRIU wrote in a whole dump: its pages are all PRESENT or LAZY, and it says
   * of PRESENT ones as well that they could have been LAZY.
   */
  static PagemapReader ofCriu(Path file, byte[] bytes) throws ImageCorruptException {
    return new PagemapReader(file, bytes, true);
  }

  private PagemapReader(Path file, byte[] bytes, boolean criu) throws ImageCorruptException {
    this.criu = criu;
    this.file = file;
    this.size = bytes.length;
    in = CodedInputStream.newInstance(bytes);
    try {
      readHead();
    } catch (ImageCorruptException e) {
      throw e;
    } catch (IOException e) {
      throw corrupt(String.valueOf(e.getMessage()));
    }
  }

  private void readHead() throws IOException {
    magic(ImageFiles.MAGIC_COMMON);
    magic(ImageFiles.MAGIC_PAGEMAP);
    int limit = beginRecord();
    boolean found = false;
    for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
      if (tag == tag(1)) {
        pagesId = in.readUInt32();
        found = true;
      } else {
        in.skipField(tag);
      }
    }
    in.popLimit(limit);
    if (!found) {
      throw corrupt("no pages_id");
    }
  }

  private static int tag(int field) {
    return field << 3 | WireFormat.WIRETYPE_VARINT;
  }

  private void magic(int expected) throws IOException {
    recordOffset = in.getTotalBytesRead();
    int actual = in.readRawLittleEndian32();
    if (actual != expected) {
      throw corrupt(String.format("magic expected=%08x actual=%08x", expected, actual));
    }
  }

  private int beginRecord() throws IOException {
    recordOffset = in.getTotalBytesRead();
    int length = in.readRawLittleEndian32();
    int left = size - in.getTotalBytesRead();
    if (length < 0 || length > left) {
      throw corrupt("length=" + Integer.toUnsignedString(length) + " left=" + left);
    }
    return in.pushLimit(length);
  }

  /** N of {@code pages-N.img}. */
  int pagesId() {
    return pagesId;
  }

  /** Goes to the next entry; false at the end of the file. */
  boolean next() throws ImageCorruptException {
    if (in.getTotalBytesRead() == size) {
      return false;
    }
    try {
      readEntry();
    } catch (ImageCorruptException e) {
      throw e;
    } catch (IOException e) {
      throw corrupt(String.valueOf(e.getMessage()));
    }
    return true;
  }

  private void readEntry() throws IOException {
    int limit = beginRecord();
    long compat = -1;
    long count = -1;
    long address = -1;
    int flags = 0;
    for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
      if (tag == tag(1)) {
        address = in.readUInt64();
      } else if (tag == tag(2)) {
        compat = Integer.toUnsignedLong(in.readUInt32());
      } else if (tag == tag(3)) {
        flags |= in.readBool() ? FLAG_PARENT : 0;
      } else if (tag == tag(4)) {
        flags |= in.readUInt32();
      } else if (tag == tag(5)) {
        count = in.readUInt64();
      } else {
        in.skipField(tag);
      }
    }
    in.popLimit(limit);
    if (compat < 0 || (count >= 0 && compat != 0 && compat != count)) {
      throw corrupt("compat_nr_pages=" + compat + " nr_pages=" + count);
    }
    if (!isKnown(flags)) {
      throw corrupt("flags=" + flags);
    }
    lazy = flags == FLAG_LAZY;
    vaddr = address;
    pageCount = count >= 0 ? count : compat;
    long first = end;
    end = vaddr + pageCount * PagesWriter.PAGE_BYTES;
    if ((vaddr & (PagesWriter.PAGE_BYTES - 1)) != 0
        || pageCount <= 0
        || pageCount > Long.MAX_VALUE / PagesWriter.PAGE_BYTES
        || Long.compareUnsigned(end, vaddr) <= 0
        || Long.compareUnsigned(vaddr, first) < 0) {
      throw corrupt(
          String.format(
              "vaddr=0x%x pages=%d: not aligned, empty, or below 0x%x", vaddr, pageCount, first));
    }
    kind = flags == FLAG_PARENT ? PageKind.PARENT : PageKind.PRESENT;
  }

  private boolean isKnown(int flags) {
    if (criu) {
      return flags == FLAG_LAZY || flags == FLAG_PRESENT || flags == (FLAG_LAZY | FLAG_PRESENT);
    }
    return flags == FLAG_PARENT || flags == FLAG_PRESENT;
  }

  /** Whether the current entry of CRIU's says that somebody else has its pages. */
  boolean isLazy() {
    return lazy;
  }

  /** Address of the current entry. */
  long vaddr() {
    return vaddr;
  }

  /** Pages of the current entry. */
  long pageCount() {
    return pageCount;
  }

  /** First address after the current entry. */
  long end() {
    return end;
  }

  /** Kind of the current entry. */
  PageKind kind() {
    return kind;
  }

  /** Offset of the current record, for messages. */
  int recordOffset() {
    return recordOffset;
  }

  ImageCorruptException corrupt(String detail) {
    return new ImageCorruptException(
        file, recordOffset, "record at offset " + recordOffset + ": " + detail);
  }
}
