package io.predump.engine;

import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * What the workers of live rounds may take. The final freeze is exempt: whoever stands still must
 * not wait.
 *
 * @param bytesPerSecond read from the target by all workers together
 * @param cpuPercent processor time of all workers together, 100 being one core
 * @param paced whether rounds begin gently: each reads at most 1.25 times as fast as the target
 *     wrote before it, at least {@link #SLOWEST_PACE}
 */
public record CopyLimits(OptionalLong bytesPerSecond, OptionalInt cpuPercent, boolean paced) {
  /** Bytes per second below which pacing does not go, however little the target writes. */
  public static final long SLOWEST_PACE = 64L << 20;

  /** As fast as it goes. */
  public static final CopyLimits NONE =
      new CopyLimits(OptionalLong.empty(), OptionalInt.empty(), false);

  private static final double PACE = 1.25;

  public CopyLimits {
    if (bytesPerSecond.isPresent() && bytesPerSecond.getAsLong() < 1 << 20) {
      throw new IllegalArgumentException(
          "bytesPerSecond=" + bytesPerSecond.getAsLong() + ": at least 1 MiB/s");
    }
    if (cpuPercent.isPresent() && cpuPercent.getAsInt() < 1) {
      throw new IllegalArgumentException(
          "cpuPercent=" + cpuPercent.getAsInt() + ": at least 1, 100 being one core");
    }
  }

  /** {@return these limits with a bound on reading} */
  public CopyLimits withBytesPerSecond(long bytes) {
    return new CopyLimits(OptionalLong.of(bytes), cpuPercent, paced);
  }

  /** {@return these limits with a bound on processor time} */
  public CopyLimits withCpuPercent(int percent) {
    return new CopyLimits(bytesPerSecond, OptionalInt.of(percent), paced);
  }

  /** {@return these limits with pacing, or without} */
  public CopyLimits withPaced(boolean gentle) {
    return new CopyLimits(bytesPerSecond, cpuPercent, gentle);
  }

  /** {@return the tighter of each of these limits and others; pacing stays as it is} */
  CopyLimits within(CopyLimits others) {
    OptionalLong bytes =
        LongStream.concat(bytesPerSecond.stream(), others.bytesPerSecond.stream()).min();
    OptionalInt percent = IntStream.concat(cpuPercent.stream(), others.cpuPercent.stream()).min();
    return new CopyLimits(bytes, percent, paced);
  }

  /**
   * {@return how fast the next round may read; empty for any speed}
   *
   * @param writtenBytesPerSecond what the target wrote during the round before
   */
  OptionalLong nextBytesPerSecond(long writtenBytesPerSecond) {
    if (!paced) {
      return bytesPerSecond;
    }
    long pace = Math.max(SLOWEST_PACE, (long) (PACE * writtenBytesPerSecond));
    return OptionalLong.of(Math.min(pace, bytesPerSecond.orElse(Long.MAX_VALUE)));
  }
}
