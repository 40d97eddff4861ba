package io.predump.engine;

/**
 * What one copy did. Times are summed over the workers, in nanoseconds.
 *
 * @param read pages read
 * @param zero all-zero pages dropped
 * @param same pages the chain already held with the same bytes
 * @param stored pages that went into the file
 * @param changed compared pages that turned out to differ from what the chain holds
 * @param lost pages that could not be read and stay owed
 * @param storedBytes compressed bytes written
 */
record CopyCounts(
    long read,
    long zero,
    long same,
    long stored,
    long changed,
    long lost,
    long storedBytes,
    long readNanos,
    long compressNanos,
    long writeNanos) {

  static final CopyCounts NONE = new CopyCounts(0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

  CopyCounts plus(CopyCounts other) {
    return new CopyCounts(
        read + other.read,
        zero + other.zero,
        same + other.same,
        stored + other.stored,
        changed + other.changed,
        lost + other.lost,
        storedBytes + other.storedBytes,
        readNanos + other.readNanos,
        compressNanos + other.compressNanos,
        writeNanos + other.writeNanos);
  }
}
