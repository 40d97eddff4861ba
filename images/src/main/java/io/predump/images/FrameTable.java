package io.predump.images;

import java.util.Arrays;

/** Sizes and digests of the frames of one pages file, in file order; immutable. */
public final class FrameTable {
  private final int count;
  private final int[] compressed;
  private final int[] source;
  private final long[] digests;

  /** Takes the arrays over; the first {@code count} frames of them count. */
  private FrameTable(int count, int[] compressed, int[] source, long[] digests) {
    this.count = count;
    this.compressed = compressed;
    this.source = source;
    this.digests = digests;
  }

  /** Number of frames. */
  public int count() {
    return count;
  }

  /** Bytes of a frame in the file. */
  public int compressedBytes(int frame) {
    return compressed[frame];
  }

  /** Bytes of page data in a frame, a multiple of 4096. */
  public int sourceBytes(int frame) {
    return source[frame];
  }

  /** Digest of a frame's compressed bytes. */
  public FrameDigest digest(int frame) {
    return new FrameDigest(digests[2 * frame], digests[2 * frame + 1]);
  }

  /** Sum of the compressed bytes. */
  public long totalCompressedBytes() {
    long sum = 0;
    for (int i = 0; i < count; i++) {
      sum += compressed[i];
    }
    return sum;
  }

  /** Sum of the source bytes: 4096 × the pages. */
  public long totalSourceBytes() {
    long sum = 0;
    for (int i = 0; i < count; i++) {
      sum += source[i];
    }
    return sum;
  }

  @Override
  public boolean equals(Object o) {
    return o instanceof FrameTable t
        && t.count == count
        && Arrays.equals(t.compressed, compressed)
        && Arrays.equals(t.source, source)
        && Arrays.equals(t.digests, digests);
  }

  @Override
  public int hashCode() {
    return 31 * Arrays.hashCode(digests) + count;
  }

  @Override
  public String toString() {
    return "frames=" + count + " sourceBytes=" + totalSourceBytes();
  }

  /** Collects frames; no object per frame. */
  static final class Builder {
    private int count;
    private int[] compressed = new int[64];
    private int[] source = new int[64];
    private long[] digests = new long[128];

    void add(int compressedBytes, int sourceBytes, long high, long low) {
      if (count == compressed.length) {
        compressed = Arrays.copyOf(compressed, 2 * count);
        source = Arrays.copyOf(source, 2 * count);
        digests = Arrays.copyOf(digests, 4 * count);
      }
      compressed[count] = compressedBytes;
      source[count] = sourceBytes;
      digests[2 * count] = high;
      digests[2 * count + 1] = low;
      count++;
    }

    int count() {
      return count;
    }

    FrameTable build() {
      return new FrameTable(
          count,
          Arrays.copyOf(compressed, count),
          Arrays.copyOf(source, count),
          Arrays.copyOf(digests, 2 * count));
    }
  }
}
