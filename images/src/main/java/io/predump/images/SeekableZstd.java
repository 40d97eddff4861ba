package io.predump.images;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;

/**
 * The container of {@code pages-N.img.zst}: zstd's seekable format, version 0.1.0, without
 * per-frame checksums.
 *
 * <pre>
 * file       := frame* seekTable
 * frame      := zstd frame with content size and content checksum, of 1..256 pages of 4096 bytes
 * seekTable  := u32 0x184D2A5E      skippable-frame magic
 *               u32 size            bytes after this field: 8 × frames + 9
 *               entry*              one per frame, in file order
 *               u32 frameCount
 *               u8  descriptor      0: no checksums, no reserved bits
 *               u32 0x8F92EAB1
 * entry      := u32 compressedBytes u32 sourceBytes
 * </pre>
 *
 * All little-endian. A decompressor skips the table, so {@code zstd -d} gives the pages and nothing
 * else, also when there are none.
 */
final class SeekableZstd {
  static final int SKIPPABLE_MAGIC = 0x184D2A5E;
  static final int SEEKABLE_MAGIC = 0x8F92EAB1;
  private static final int HEADER_BYTES = 8;
  private static final int ENTRY_BYTES = 8;
  private static final int FOOTER_BYTES = 9;

  private SeekableZstd() {}

  /** Size of the seek table of so many frames. */
  static long tableBytes(int frameCount) {
    return HEADER_BYTES + (long) ENTRY_BYTES * frameCount + FOOTER_BYTES;
  }

  /** The seek table of these frames. */
  static byte[] table(FrameTable frames) {
    ByteBuffer b =
        ByteBuffer.allocate(Math.toIntExact(tableBytes(frames.count())))
            .order(ByteOrder.LITTLE_ENDIAN);
    b.putInt(SKIPPABLE_MAGIC).putInt(b.capacity() - HEADER_BYTES);
    for (int i = 0; i < frames.count(); i++) {
      b.putInt(frames.compressedBytes(i)).putInt(frames.sourceBytes(i));
    }
    return b.putInt(frames.count()).put((byte) 0).putInt(SEEKABLE_MAGIC).array();
  }

  /**
   * Checks that a seek table is the one of these frames.
   *
   * @param offset where the table begins in the file, for messages
   */
  static void check(byte[] table, FrameTable frames, Path file, long offset)
      throws ImageCorruptException {
    byte[] expected = table(frames);
    if (table.length != expected.length) {
      throw new ImageCorruptException(
          file, offset, "seek table bytes expected=" + expected.length + " actual=" + table.length);
    }
    for (int i = 0; i < expected.length; i++) {
      if (table[i] != expected[i]) {
        throw new ImageCorruptException(
            file,
            offset + i,
            String.format(
                "seek table at offset %d: expected=%02x actual=%02x",
                offset + i, expected[i], table[i]));
      }
    }
  }
}
