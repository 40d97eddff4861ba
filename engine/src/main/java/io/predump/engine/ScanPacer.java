package io.predump.engine;

import java.util.concurrent.locks.LockSupport;

/**
 * Keeps page-table walks from starving the target's mmap and munmap: a call holds the target's
 * mmap lock for reading from start to end, so calls stay near {@link #CALL_GOAL_NANOS} and pauses
 * as long as the work done let writers in between.
 */
final class ScanPacer {
  /** A call that lasts longer is the stall of whoever waits to map memory. */
  static final long CALL_GOAL_NANOS = 100_000;

  /** Shorter pauses do not let a woken writer run before the lock is taken again. */
  private static final long PAUSE_NANOS = 50_000;

  private static final long SMALLEST = 2L << 20;
  private static final long LARGEST = 16L << 20;

  private final boolean paced;
  private long chunkBytes = 4L << 20;
  private long busyNanos;

  private ScanPacer(boolean paced) {
    this.paced = paced;
  }

  /** {@return a pacer for a running target} */
  static ScanPacer live() {
    return new ScanPacer(true);
  }

  /** {@return a pacer that never pauses: nobody waits for a frozen process's lock} */
  static ScanPacer frozen() {
    return new ScanPacer(false);
  }

  /** {@return how much populated memory the next protecting call should cover, bytes} */
  long chunkBytes() {
    return paced ? chunkBytes : 64L << 20;
  }

  /** A protecting call took so long: adapt the next one, and let others in. */
  void walked(long nanos, long bytes) {
    if (nanos > CALL_GOAL_NANOS) {
      chunkBytes = Math.max(SMALLEST, chunkBytes / 2);
    } else if (nanos < CALL_GOAL_NANOS / 3 && bytes >= chunkBytes) {
      chunkBytes = Math.min(LARGEST, chunkBytes * 2);
    }
    looked(nanos);
  }

  /** A reading call took so long: let others in once enough work is done. */
  void looked(long nanos) {
    if (!paced) {
      return;
    }
    busyNanos += nanos;
    if (busyNanos >= PAUSE_NANOS / 2) {
      LockSupport.parkNanos(Math.max(PAUSE_NANOS, busyNanos));
      busyNanos = 0;
    }
  }
}
