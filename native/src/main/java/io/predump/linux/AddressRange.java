package io.predump.linux;

/**
 * Addresses {@code [start, end)}, unsigned.
 *
 * @param start first byte address
 * @param end first byte address after the range, at or above {@code start}
 */
public record AddressRange(long start, long end) implements Comparable<AddressRange> {
  public AddressRange {
    if (Long.compareUnsigned(start, end) > 0) {
      throw new IllegalArgumentException(
          "range ends before it starts: start=0x"
              + Long.toHexString(start)
              + " end=0x"
              + Long.toHexString(end));
    }
  }

  /** Returns the length in bytes. */
  public long bytes() {
    return end - start;
  }

  /** Returns the number of 4 KiB pages touched. */
  public long pageCount() {
    return isEmpty() ? 0 : ((end - 1) >>> 12) - (start >>> 12) + 1;
  }

  /** Returns whether it holds no address. */
  public boolean isEmpty() {
    return start == end;
  }

  /** Returns whether {@code address} lies in the range. */
  public boolean contains(long address) {
    return Long.compareUnsigned(start, address) <= 0 && Long.compareUnsigned(address, end) < 0;
  }

  /** Returns whether all of {@code other} lies in the range. */
  public boolean contains(AddressRange other) {
    return Long.compareUnsigned(start, other.start) <= 0
        && Long.compareUnsigned(other.end, end) <= 0;
  }

  /** Returns whether an address lies in both. */
  public boolean intersects(AddressRange other) {
    return Long.compareUnsigned(start, other.end) < 0
        && Long.compareUnsigned(other.start, end) < 0
        && !isEmpty()
        && !other.isEmpty();
  }

  /** Orders by start, then by end, unsigned. */
  @Override
  public int compareTo(AddressRange other) {
    int byStart = Long.compareUnsigned(start, other.start);
    return byStart != 0 ? byStart : Long.compareUnsigned(end, other.end);
  }

  /** Returns {@code 0xSTART-0xEND}. */
  @Override
  public String toString() {
    return toString(start, end);
  }

  /** Returns {@code 0xSTART-0xEND} without making a range. */
  public static String toString(long start, long end) {
    return "0x" + Long.toHexString(start) + "-0x" + Long.toHexString(end);
  }
}
