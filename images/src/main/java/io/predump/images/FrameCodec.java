package io.predump.images;

import com.dynatrace.hash4j.hashing.HashValue128;
import com.dynatrace.hash4j.hashing.Hasher128;
import com.dynatrace.hash4j.hashing.Hashing;
import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdCompressCtx;
import com.github.luben.zstd.ZstdDecompressCtx;
import com.github.luben.zstd.ZstdException;
import java.nio.ByteBuffer;
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

  private static final Hasher128 XXH3 = Hashing.xxh3_128();

  private final int level;
  private @Nullable ZstdCompressCtx compressor;
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
    if (level < Zstd.minCompressionLevel() || level > Zstd.maxCompressionLevel()) {
      throw new IllegalArgumentException(
          "zstd level="
              + level
              + ": not in "
              + Zstd.minCompressionLevel()
              + ".."
              + Zstd.maxCompressionLevel());
    }
    this.level = level;
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
    ZstdCompressCtx c = compressor;
    if (c == null) {
      c = new ZstdCompressCtx().setLevel(level).setChecksum(true).setContentSize(true);
      compressor = c;
    }
    frame.clear();
    int bytes =
        c.compressDirectByteBuffer(
            frame, 0, frame.capacity(), source, source.position(), sourceBytes);
    frame.limit(bytes);
    return bytes;
  }

  /** Digest of a frame's bytes from position to limit, which stay where they are. */
  public FrameDigest digest(ByteBuffer frame) {
    int bytes = frame.remaining();
    if (copy.length < bytes) {
      copy = new byte[Math.max(bytes, maxFrameBytes(MAX_SOURCE_BYTES))];
    }
    frame.get(frame.position(), copy, 0, bytes);
    return digest(copy, 0, bytes);
  }

  /** Digest of a compressed frame in an array. */
  static FrameDigest digest(byte[] bytes, int offset, int length) {
    HashValue128 h = XXH3.hashBytesTo128Bits(bytes, offset, length);
    return new FrameDigest(h.getMostSignificantBits(), h.getLeastSignificantBits());
  }

  /**
   * Decompresses one frame. The caller has checked its digest.
   *
   * @return number of source bytes
   * @throws FrameException if it is not one whole zstd frame of exactly {@code sourceBytes} bytes
   */
  int decompress(byte[] frame, int frameBytes, byte[] source, int sourceBytes)
      throws FrameException {
    ZstdDecompressCtx d = decompressor;
    if (d == null) {
      d = new ZstdDecompressCtx();
      decompressor = d;
    }
    int bytes;
    try {
      bytes = d.decompressByteArray(source, 0, sourceBytes, frame, 0, frameBytes);
    } catch (ZstdException e) {
      throw new FrameException("zstd: " + e.getMessage(), e);
    }
    if (bytes != sourceBytes) {
      throw new FrameException("source bytes expected=" + sourceBytes + " actual=" + bytes, null);
    }
    return bytes;
  }

  @Override
  public void close() {
    if (compressor != null) {
      compressor.close();
      compressor = null;
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
