package io.predump.engine;

import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * What {@link CopyLimits} leave to all workers they bound: before a job is read its bytes are taken
 * from what may be read, after each piece of work the processor time it took from what may be used.
 * Workers wait here, in steps short enough that a cancelled round ends soon; {@link CopyPacer} says
 * when.
 */
final class CopyBrake {
  /** Holds nobody. */
  static final CopyBrake NONE = new CopyBrake(CopyLimits.NONE);

  private static final long STEP_NANOS = 20_000_000;

  /** A shorter rest would last longer than asked for, by a large part of it. */
  private static final long SHORTEST_REST_NANOS = 500_000;

  private final CopyLimits limits;
  private final RateLimit bytes = new RateLimit();
  private final RateLimit cpuNanos = new RateLimit();
  private final AtomicLong waitedNanos = new AtomicLong();

  CopyBrake(CopyLimits limits) {
    this.limits = limits;
    limits.cpuPercent().ifPresent(percent -> cpuNanos.rate(percent / 100.0));
    limits.bytesPerSecond().ifPresent(perSecond -> bytes.rate(perSecond / 1e9));
  }

  CopyLimits limits() {
    return limits;
  }

  /** {@return whether workers may have to wait} */
  boolean slows() {
    return limits.bytesPerSecond().isPresent() || limits.cpuPercent().isPresent() || limits.paced();
  }

  /**
   * {@return how many workers the processor time keeps busy, at least 1: more of them would take
   * several processors from the target at a time, and none in between}
   */
  int mostWorkers() {
    return limits.cpuPercent().isPresent()
        ? Math.max(1, (limits.cpuPercent().getAsInt() + 99) / 100)
        : Integer.MAX_VALUE;
  }

  /** A round begins: sets how fast it may read. */
  void beginRound(OptionalLong bytesPerSecond) {
    bytes.rate(
        bytesPerSecond.isPresent() ? bytesPerSecond.getAsLong() / 1e9 : Double.POSITIVE_INFINITY);
  }

  /** A worker is about to read so many bytes: returns when it may, or when the copy has failed. */
  void beforeReading(long byteCount, BooleanSupplier failed) {
    await(bytes.take((double) byteCount, System.nanoTime()), failed);
  }

  /** {@return whether processor time is bounded} */
  boolean boundsTime() {
    return limits.cpuPercent().isPresent();
  }

  /**
   * A worker has done a piece of work: charges its processor time.
   *
   * @param usedNanos processor time of the piece
   * @param began {@link System#nanoTime()} when the piece began: it has paid since
   * @return nanoseconds to {@link #rest} before the next piece; 0 if so little is owed that it may
   *     be paid after that one
   */
  long charge(long usedNanos, long began) {
    if (!boundsTime()) {
      return 0;
    }
    cpuNanos.take((double) usedNanos, began);
    long owed = cpuNanos.take(0, System.nanoTime());
    return owed < SHORTEST_REST_NANOS ? 0 : owed;
  }

  /** Returns after so many nanoseconds, or when the copy has failed. */
  void rest(long nanos, BooleanSupplier failed) {
    await(nanos, failed);
  }

  /** {@return how long workers have waited, summed over them, nanoseconds} */
  long waitedNanos() {
    return waitedNanos.get();
  }

  private void await(long nanos, BooleanSupplier failed) {
    long began = System.nanoTime();
    long left = nanos;
    while (left > 0 && !failed.getAsBoolean()) {
      LockSupport.parkNanos(Math.min(left, STEP_NANOS));
      left = nanos - (System.nanoTime() - began);
    }
    if (nanos > 0) {
      waitedNanos.addAndGet(System.nanoTime() - began);
    }
  }
}
