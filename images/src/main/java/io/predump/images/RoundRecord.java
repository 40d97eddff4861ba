package io.predump.images;

/**
 * The figures of one round. The names are those of the JSON output.
 *
 * @param round number of the round, from 1
 * @param scanMicros listing and write-protecting pages
 * @param armMicros registering new memory with the tracker
 * @param readMicros reading pages, summed over the workers
 * @param compressMicros compressing, summed over the workers
 * @param writeMicros writing frames
 * @param syncMicros making the files durable
 * @param frozenMicros time the threads stood still
 * @param totalMicros wall time of the round
 * @param vmas counts of VMAs
 * @param pages counts of pages
 * @param bytes byte counts
 * @param dirtyRate how fast the target writes
 * @param predictedDowntimeMicros frozen time if the next round were the final one
 * @param floorMicros the least downtime further rounds can reach; negative if unknown
 * @param stopReason why this was the last round, empty if it was not
 */
public record RoundRecord(
    int round,
    long scanMicros,
    long armMicros,
    long readMicros,
    long compressMicros,
    long writeMicros,
    long syncMicros,
    long frozenMicros,
    long totalMicros,
    VmaCounts vmas,
    PageCounts pages,
    ByteCounts bytes,
    DirtyRate dirtyRate,
    long predictedDowntimeMicros,
    long floorMicros,
    String stopReason) {

  /**
   * VMAs of the round.
   *
   * @param total all
   * @param newCount not there the round before; {@code new} in JSON
   * @param gone there the round before and no longer
   * @param skipped not captured
   */
  public record VmaCounts(long total, long newCount, long gone, long skipped) {}

  /**
   * Pages of the round.
   *
   * @param scanned looked at
   * @param written reported as written since the round before
   * @param zero of those, left out because all zero
   * @param same of those, equal to what the chain holds
   * @param deferred put off because they will be written again
   * @param owed not safely stored, to be stored by a later round
   * @param stored in the pages files of this round
   * @param parent left to the parent round
   */
  public record PageCounts(
      long scanned,
      long written,
      long zero,
      long same,
      long deferred,
      long owed,
      long stored,
      long parent) {}

  /**
   * Bytes of the round.
   *
   * @param read read from the target
   * @param stored size of the compressed frames
   */
  public record ByteCounts(long read, long stored) {}

  /**
   * How fast the target writes; a page counts once per window, so the rate means nothing without
   * it.
   *
   * @param bytesPerSecond 4096 × pages written ÷ window
   * @param windowMillis time over which they were counted
   */
  public record DirtyRate(long bytesPerSecond, long windowMillis) {}

  /** Source bytes of the stored pages ÷ stored bytes; 1 if nothing was stored. */
  public double ratio() {
    return bytes.stored() == 0 ? 1.0 : 4096.0 * pages.stored() / bytes.stored();
  }

  /** The same record with another sync time. */
  public RoundRecord withSyncMicros(long micros) {
    return new RoundRecord(
        round,
        scanMicros,
        armMicros,
        readMicros,
        compressMicros,
        writeMicros,
        micros,
        frozenMicros,
        totalMicros,
        vmas,
        pages,
        bytes,
        dirtyRate,
        predictedDowntimeMicros,
        floorMicros,
        stopReason);
  }
}
