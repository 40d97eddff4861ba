package io.predump.engine;

/**
 * Predicts how long a freeze taken now would last: stop, scan, and read what will be dirty by then.
 * Compressing and writing come after the thaw and do not count. The constants are learnt as rounds
 * go by.
 */
final class DowntimeModel {
  private static final double STOP_NANOS = 200_000;
  private static final double STOP_NANOS_PER_THREAD = 10_000;
  private static final double SCAN_NANOS = 300_000;

  /** Asking two GiB of known memory for written pages takes about two milliseconds. */
  private static final double SCAN_NANOS_PER_PAGE = 4;

  private static final double NEW_WEIGHT = 0.3;

  private final int threadCount;
  private double readBytesPerNano = 3;

  DowntimeModel(int threadCount) {
    this.threadCount = threadCount;
  }

  /** Learns from a round: what one worker read, and how long it took it. */
  void learnReading(long bytes, long nanos) {
    if (bytes > 1 << 20 && nanos > 0) {
      readBytesPerNano = NEW_WEIGHT * bytes / nanos + (1 - NEW_WEIGHT) * readBytesPerNano;
    }
  }

  /** {@return the freeze with nothing to read, microseconds} */
  long floorMicros(long heldPages) {
    return Math.round(
        (STOP_NANOS
                + STOP_NANOS_PER_THREAD * threadCount
                + SCAN_NANOS
                + SCAN_NANOS_PER_PAGE * heldPages)
            / 1000);
  }

  /** {@return bytes that can be read under a freeze within a time} */
  long readableBytes(long nanos) {
    return (long) (readBytesPerNano * nanos);
  }

  /** {@return the freeze with so many bytes to read, microseconds} */
  long predictMicros(long heldPages, long dirtyBytes) {
    return floorMicros(heldPages) + Math.round(dirtyBytes / readBytesPerNano / 1000);
  }
}
