package io.predump.images;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

/**
 * Random access to the frames of one pages file. Reading is stateless and may be shared by threads.
 */
final class FrameReader implements Closeable {
  private final Path file;
  private final FrameTable frames;
  private final FileChannel channel;
  private final long[] fileOffset;
  private final long[] sourcePage;

  private FrameReader(Path file, FrameTable frames, FileChannel channel) {
    this.file = file;
    this.frames = frames;
    this.channel = channel;
    int n = frames.count();
    fileOffset = new long[n + 1];
    sourcePage = new long[n + 1];
    for (int i = 0; i < n; i++) {
      fileOffset[i + 1] = fileOffset[i] + frames.compressedBytes(i);
      sourcePage[i + 1] = sourcePage[i] + frames.sourceBytes(i) / PagesWriter.PAGE_BYTES;
    }
  }

  /** Opens a pages file and checks its size and seek table against the manifest. */
  static FrameReader open(Path directory, PagesFile pages) throws IOException {
    Path file = directory.resolve(pages.name());
    ImageFiles.requireRegular(file);
    FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS);
    try {
      FrameReader reader = new FrameReader(file, pages.frames(), channel);
      long size = channel.size();
      if (size != pages.bytes()) {
        throw new ImageCorruptException(
            file, -1, "bytes expected=" + pages.bytes() + " actual=" + size);
      }
      long tableOffset = reader.fileOffset[pages.frames().count()];
      byte[] table = new byte[Math.toIntExact(size - tableOffset)];
      ImageFiles.readFully(channel, file, tableOffset, table, table.length);
      SeekableZstd.check(table, pages.frames(), file, tableOffset);
      String sha256 = Digests.sha256Hex(table);
      if (!sha256.equals(pages.seekTableSha256())) {
        throw new ImageCorruptException(
            file,
            tableOffset,
            "seek table sha256 expected=" + pages.seekTableSha256() + " actual=" + sha256);
      }
      return reader;
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  FrameTable frames() {
    return frames;
  }

  Path file() {
    return file;
  }

  /** Pages in the file. */
  long pageCount() {
    return sourcePage[frames.count()];
  }

  /** The frame that holds a page. */
  int frameOf(long page) {
    int i = Arrays.binarySearch(sourcePage, page);
    return i >= 0 ? i : -i - 2;
  }

  /** Index of the first page of a frame. */
  long firstPage(int frame) {
    return sourcePage[frame];
  }

  /**
   * Reads, checks and decompresses a frame.
   *
   * @param source takes the frame's source bytes
   */
  void read(int frame, FrameCodec codec, Scratch scratch, byte[] source) throws IOException {
    byte[] compressed = check(frame, scratch);
    try {
      codec.decompress(
          compressed, frames.compressedBytes(frame), source, frames.sourceBytes(frame));
    } catch (FrameCodec.FrameException e) {
      throw corrupt(frame, String.valueOf(e.getMessage()));
    }
  }

  /**
   * Reads a frame and checks every byte of it; does not decompress it.
   *
   * @return an array of the scratch's that begins with the frame
   */
  byte[] check(int frame, Scratch scratch) throws IOException {
    int bytes = frames.compressedBytes(frame);
    byte[] compressed = scratch.ofAtLeast(bytes);
    ImageFiles.readFully(channel, file, fileOffset[frame], compressed, bytes);
    requireDigest(frame, FrameCodec.digest(compressed, 0, bytes));
    return compressed;
  }

  /**
   * Reads, checks and decompresses a frame, outside the heap: for whoever writes it on.
   *
   * @param compressed direct, with room for the frame
   * @param source direct; takes the frame's source bytes, from position 0 to its limit
   */
  void read(int frame, FrameCodec codec, ByteBuffer compressed, ByteBuffer source)
      throws IOException {
    compressed.clear().limit(frames.compressedBytes(frame));
    ImageFiles.readFully(channel, file, fileOffset[frame], compressed);
    compressed.flip();
    requireDigest(frame, codec.digest(compressed));
    source.clear().limit(frames.sourceBytes(frame));
    try {
      codec.decompress(compressed, source);
    } catch (FrameCodec.FrameException e) {
      throw corrupt(frame, String.valueOf(e.getMessage()));
    }
  }

  private void requireDigest(int frame, FrameDigest actual) throws ImageCorruptException {
    FrameDigest expected = frames.digest(frame);
    if (!actual.equals(expected)) {
      throw corrupt(frame, "xxh3 expected=" + expected + " actual=" + actual);
    }
  }

  private ImageCorruptException corrupt(int frame, String detail) {
    long offset = fileOffset[frame];
    return new ImageCorruptException(
        file, offset, "frame " + frame + " at offset " + offset + ": " + detail);
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }

  /** A reusable array for compressed bytes, one per thread. */
  static final class Scratch {
    private byte[] bytes = new byte[0];

    byte[] ofAtLeast(int length) {
      if (bytes.length < length) {
        bytes = new byte[length];
      }
      return bytes;
    }
  }
}
