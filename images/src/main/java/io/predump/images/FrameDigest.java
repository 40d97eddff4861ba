package io.predump.images;

/**
 * Unseeded XXH3-128 of one compressed frame.
 *
 * @param high the more significant 64 bits
 * @param low the less significant 64 bits
 */
public record FrameDigest(long high, long low) {
  /** 32 hexadecimal digits, as {@code xxhsum -H2} prints them. */
  @Override
  public String toString() {
    return String.format("%016x%016x", high, low);
  }
}
