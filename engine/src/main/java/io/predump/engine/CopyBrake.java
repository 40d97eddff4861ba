package io.predump.engine;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * Keeps the workers within {@link CopyLimits}: before a job is read its bytes are taken from what
 * may be read, after it the processor time it took from what may be used. Workers wait here, in
 * steps short enough that a cancelled round ends soon.
 */
final class CopyBrake {
  /** Holds nobody. */
  static final CopyBrake NONE = new CopyBrake(CopyLimits.NONE);

  private static final long STEP_NANOS = 20_000_000;

  private final CopyLimits limits;
  private final RateLimit bytes = new RateLimit();
  private final RateLimit cpuNanos = new RateLimit();
  private final AtomicLong waitedNanos = new AtomicLong();
  private final boolean timesThreads;
  private final ThreadLocal<Long> cpuBefore = ThreadLocal.withInitial(() -> 0L);

  CopyBrake(CopyLimits limits) {
    this.limits = limits;
    this.timesThreads = limits.cpuPercent().isPresent();
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
    if (timesThreads) {
      cpuBefore.set(threadNanos());
    }
  }

  /** A worker is done with a job: returns when its processor time is paid for. */
  void afterWork(BooleanSupplier failed) {
    if (timesThreads) {
      double used = threadNanos() - cpuBefore.get();
      long now = System.nanoTime();
      cpuNanos.take(used, now);
      await(cpuNanos.take(0, now), failed);
    }
  }

  /** {@return how long workers have waited, summed over them, nanoseconds} */
  long waitedNanos() {
    return waitedNanos.get();
  }

  private static long threadNanos() {
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    return threads.isCurrentThreadCpuTimeSupported() ? threads.getCurrentThreadCpuTime() : 0;
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
