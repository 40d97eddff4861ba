package io.predump.images;

import com.dynatrace.hash4j.hashing.HashValue128;
import com.dynatrace.hash4j.hashing.Hasher128;
import com.dynatrace.hash4j.hashing.Hasher64;
import com.dynatrace.hash4j.hashing.Hashing;
import com.github.luben.zstd.EndDirective;
import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdCompressCtx;
import com.github.luben.zstd.ZstdDecompressCtx;
import com.github.luben.zstd.ZstdException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * Compresses pages into zstd frames, and back. A frame holds at most {@link #MAX_SOURCE_BYTES}, its
 * content size and a checksum of its content.
 *
 * <p>One codec per thread: it keeps zstd's working memory and a copy buffer. {@link #close} frees
 * them.
 */
public final class FrameCodec implements AutoCloseable {
  /**
   * Most source bytes in a frame, 1 MiB: large enough to compress well, small enough to read one
   * page quickly.
   */
  public static final int MAX_SOURCE_BYTES = 1 << 20;

  /** Less than this factor is not worth the time of whoever reads it back. */
  private static final double LEAST_RATIO = 1.1;

  private static final int SAMPLE_BYTES = 4096;
  private static final int SAMPLES = 4;
  private static final int SAMPLE_LEVEL = -5;

  /** About 100 µs of work at level 1. Blocks so small cost half a percent of the ratio at most. */
  private static final int PIECE_BYTES = 32 << 10;

  private static final int MAGIC = 0xFD2FB528;

  /** RFC 8878, 3.1.1.1.1: content size in 4 bytes, a single segment, a content checksum. */
  private static final byte RAW_DESCRIPTOR = (byte) (2 << 6 | 1 << 5 | 1 << 2);

  private static final int MOST_BLOCK_BYTES = 128 << 10;
  private static final int LAST_BLOCK = 1;

  private static final Hasher128 XXH3 = Hashing.xxh3_128();
  private static final Hasher64 XXH64 = Hashing.xxh64();

  private int level;
  private @Nullable ZstdCompressCtx compressor;
  private @Nullable ZstdCompressCtx sampler;
  private @Nullable ByteBuffer sampled;
  private @Nullable ZstdDecompressCtx decompressor;

  /** Copy of a frame: hashing a heap array is several times faster than hashing a direct buffer. */
  private byte[] copy = new byte[0];

  /**
   * Makes a codec.
   *
   * @param level zstd level, as {@code zstd -LEVEL}; negative levels are faster
   * @throws IllegalArgumentException if zstd has no such level
   */
  public FrameCodec(int level) {
    this.level = checked(level);
  }

  private static int checked(int level) {
    if (level < Zstd.minCompressionLevel() || level > Zstd.maxCompressionLevel()) {
      throw new IllegalArgumentException(
          "zstd level="
              + level
              + ": not in "
              + Zstd.minCompressionLevel()
              + ".."
              + Zstd.maxCompressionLevel());
    }
    return level;
  }

  /**
   * Compresses at another level from now on.
   *
   * @param newLevel as in the constructor
   */
  public void level(int newLevel) {
    if (newLevel != level) {
      level = checked(newLevel);
      if (compressor != null) {
        compressor.setLevel(newLevel);
      }
    }
  }

  /** The most bytes a frame of so many source bytes can take. */
  public static int maxFrameBytes(int sourceBytes) {
    return Math.toIntExact(Zstd.compressBound(sourceBytes));
  }

  /**
   * Compresses {@code source} from position to limit into one frame. Leaves the source's position
   * and limit alone; sets the frame's to 0 and to the end of the frame, ready for {@link #digest}
   * and {@link PagesWriter#append}.
   *
   * @param source direct, 1 to {@link #MAX_SOURCE_BYTES} bytes
   * @param frame direct, capacity at least {@link #maxFrameBytes}
   * @return size of the frame in bytes
   * @throws IllegalArgumentException if a buffer is not direct, or too large or too small
   */
  public int compress(ByteBuffer source, ByteBuffer frame) {
    int sourceBytes = source.remaining();
    check(source, frame);
    ZstdCompressCtx c = compressor();
    frame.clear();
    int bytes =
        c.compressDirectByteBuffer(
            frame, 0, frame.capacity(), source, source.position(), sourceBytes);
    frame.limit(bytes);
    return bytes;
  }

  /**
   * The same, piece by piece: for a thread that must not keep its processor for as long as a frame
   * takes, which is milliseconds. Blocks end where pieces do, so the frame's bytes are others.
   *
   * @param between is called after every 32 KiB but the last; must leave the codec and both buffers
   *     alone. If it throws, that is thrown on: the frame is none then, the codec as good as new
   * @return as {@link #compress(ByteBuffer, ByteBuffer)}
   * @throws IllegalArgumentException as {@link #compress(ByteBuffer, ByteBuffer)}
   */
  public int compress(ByteBuffer source, ByteBuffer frame, Runnable between) {
    check(source, frame);
    ZstdCompressCtx c = compressor();
    ByteBuffer from = source.duplicate();
    int end = from.limit();
    frame.clear();
    boolean whole = false;
    try {
      c.setPledgedSrcSize(end - from.position());
      while (from.position() < end - PIECE_BYTES) {
        from.limit(from.position() + PIECE_BYTES);
        pass(c, from, frame, EndDirective.FLUSH);
        between.run();
      }
      from.limit(end);
      pass(c, from, frame, EndDirective.END);
      whole = true;
    } finally {
      if (!whole) {
        c.close(); // half a frame is in it
        compressor = null;
      }
    }
    return frame.flip().remaining();
  }

  private static void pass(
      ZstdCompressCtx c, ByteBuffer from, ByteBuffer frame, EndDirective directive) {
    while (!c.compressDirectByteBufferStream(frame, from, directive)) {
      if (!frame.hasRemaining()) {
        throw new IllegalStateException("frame too small: capacity=" + frame.capacity());
      }
    }
  }

  private ZstdCompressCtx compressor() {
    ZstdCompressCtx c = compressor;
    if (c == null) {
      c = new ZstdCompressCtx().setLevel(level).setChecksum(true).setContentSize(true);
      compressor = c;
    }
    return c;
  }

  /**
   * The same without compressing: a frame of raw blocks (RFC 8878, 3.1.1.2.2), with its content
   * size and checksum as any other. For what {@link #isCompressible} says no to.
   *
   * @return as {@link #compress(ByteBuffer, ByteBuffer)}
   * @throws IllegalArgumentException as {@link #compress(ByteBuffer, ByteBuffer)}
   */
  public int store(ByteBuffer source, ByteBuffer frame) {
    return store(source, frame, () -> {});
  }

  /**
   * The same, piece by piece.
   *
   * @param between is called after every 128 KiB; as in {@link #compress(ByteBuffer, ByteBuffer,
   *     Runnable)}
   * @return as {@link #compress(ByteBuffer, ByteBuffer)}
   * @throws IllegalArgumentException as {@link #compress(ByteBuffer, ByteBuffer)}
   */
  public int store(ByteBuffer source, ByteBuffer frame, Runnable between) {
    int sourceBytes = source.remaining();
    check(source, frame);
    frame.clear().order(ByteOrder.LITTLE_ENDIAN);
    frame.putInt(MAGIC).put(RAW_DESCRIPTOR).putInt(sourceBytes);
    for (int at = 0; at < sourceBytes; at += MOST_BLOCK_BYTES) {
      int bytes = Math.min(MOST_BLOCK_BYTES, sourceBytes - at);
      int header = bytes << 3 | (at + bytes == sourceBytes ? LAST_BLOCK : 0);
      frame.put((byte) header).put((byte) (header >> 8)).put((byte) (header >> 16));
      frame.put(source.slice(source.position() + at, bytes));
      between.run();
    }
    byte[] content = copyOf(source);
    frame.putInt((int) XXH64.hashBytesToLong(content, 0, sourceBytes));
    return frame.flip().remaining();
  }

  /**
   * {@return whether compressing {@code source} would make it smaller by a tenth} Tried with a fast
   * level on 4 KiB at each of a few places.
   *
   * @param source as in {@link #compress}
   */
  public boolean isCompressible(ByteBuffer source) {
    int sourceBytes = source.remaining();
    ZstdCompressCtx c = sampler;
    ByteBuffer to = sampled;
    if (c == null || to == null) {
      c = new ZstdCompressCtx().setLevel(SAMPLE_LEVEL);
      to = ByteBuffer.allocateDirect(maxFrameBytes(SAMPLE_BYTES));
      sampler = c;
      sampled = to;
    }
    int from = 0;
    int into = 0;
    for (int i = 0; i < SAMPLES; i++) {
      int at = (int) ((long) sourceBytes * i / SAMPLES) / SAMPLE_BYTES * SAMPLE_BYTES;
      int bytes = Math.min(SAMPLE_BYTES, sourceBytes - at);
      from += bytes;
      into +=
          c.compressDirectByteBuffer(to, 0, to.capacity(), source, source.position() + at, bytes);
    }
    return from >= LEAST_RATIO * into;
  }

  private static void check(ByteBuffer source, ByteBuffer frame) {
    int sourceBytes = source.remaining();
    if (!source.isDirect() || !frame.isDirect()) {
      throw new IllegalArgumentException("compress: buffer not direct");
    }
    if (sourceBytes == 0 || sourceBytes > MAX_SOURCE_BYTES) {
      throw new IllegalArgumentException("compress: sourceBytes=" + sourceBytes);
    }
    if (frame.capacity() < maxFrameBytes(sourceBytes)) {
      throw new IllegalArgumentException(
          "compress: frame capacity=" + frame.capacity() + " sourceBytes=" + sourceBytes);
    }
  }

  /** Digest of a frame's bytes from position to limit, which stay where they are. */
  public FrameDigest digest(ByteBuffer frame) {
    int bytes = frame.remaining();
    return digest(copyOf(frame), 0, bytes);
  }

  private byte[] copyOf(ByteBuffer buffer) {
    int bytes = buffer.remaining();
    if (copy.length < bytes) {
      copy = new byte[Math.max(bytes, maxFrameBytes(MAX_SOURCE_BYTES))];
    }
    buffer.get(buffer.position(), copy, 0, bytes);
    return copy;
  }

  /** Digest of a compressed frame in an array. */
  static FrameDigest digest(byte[] bytes, int offset, int length) {
    HashValue128 h = XXH3.hashBytesTo128Bits(bytes, offset, length);
    return new FrameDigest(h.getMostSignificantBits(), h.getLeastSignificantBits());
  }

  /**
   * Decompresses one frame. The caller has checked its digest.
   *
   * @throws FrameException if it is not one whole zstd frame of exactly {@code sourceBytes} bytes
   */
  void decompress(byte[] frame, int frameBytes, byte[] source, int sourceBytes)
      throws FrameException {
    decompress(
        d -> d.decompressByteArray(source, 0, sourceBytes, frame, 0, frameBytes), sourceBytes);
  }

  /**
   * Decompresses one frame between direct buffers, both from position to limit, which stay where
   * they are. The caller has checked its digest.
   *
   * @throws FrameException if it is not one whole zstd frame of exactly as many bytes as remain in
   *     {@code source}
   */
  void decompress(ByteBuffer frame, ByteBuffer source) throws FrameException {
    decompress(
        d ->
            d.decompressDirectByteBuffer(
                source,
                source.position(),
                source.remaining(),
                frame,
                frame.position(),
                frame.remaining()),
        source.remaining());
  }

  /** Returns the bytes it made. */
  private interface Decompression {
    int by(ZstdDecompressCtx context);
  }

  private void decompress(Decompression decompression, int sourceBytes) throws FrameException {
    ZstdDecompressCtx d = decompressor;
    if (d == null) {
      d = new ZstdDecompressCtx();
      decompressor = d;
    }
    int bytes;
    try {
      bytes = decompression.by(d);
    } catch (ZstdException e) {
      throw new FrameException("zstd: " + e.getMessage(), e);
    }
    if (bytes != sourceBytes) {
      throw new FrameException("source bytes expected=" + sourceBytes + " actual=" + bytes, null);
    }
  }

  @Override
  public void close() {
    if (compressor != null) {
      compressor.close();
      compressor = null;
    }
    if (sampler != null) {
      sampler.close();
      sampler = null;
    }
    if (decompressor != null) {
      decompressor.close();
      decompressor = null;
    }
  }

  /** A frame that does not decompress; the caller knows which. */
  static final class FrameException extends Exception {
    private static final long serialVersionUID = 1L;

    FrameException(String message, @Nullable Throwable cause) {
      super(message, cause);
    }
  }
}
