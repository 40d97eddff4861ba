package io.predump.criu;

/**
 * How long a tree will stand still for a whole checkpoint, from measurements on one machine: an
 * expectation, not a bound. Private memory costs the kernel's walk for {@code /proc/PID/smaps},
 * with lazy pages CRIU's own for every page; shared memory is copied by CRIU at the speed of the
 * page cache.
 *
 * @param privateBytes private memory in use
 * @param sharedBytes shared memory that holds data
 * @param micros expected
 */
public record FreezeForecast(long privateBytes, long sharedBytes, long micros) {
  private static final long BASE_MICROS = 25_000;
  private static final long VEILED_MICROS_PER_GIB = 14_000;
  private static final long LAZY_MICROS_PER_GIB = 145_000;
  private static final long SHARED_MICROS_PER_GIB = 1_000_000;
  private static final double GIB = 1L << 30;

  /**
   * Expects.
   *
   * @param residentBytes memory in use, shared or not
   * @param sharedBytes the part of it that is shared
   */
  static FreezeForecast of(boolean veiled, long residentBytes, long sharedBytes) {
    long privateBytes = Math.max(0, residentBytes - sharedBytes);
    double micros =
        BASE_MICROS
            + privateBytes / GIB * (veiled ? VEILED_MICROS_PER_GIB : LAZY_MICROS_PER_GIB)
            + sharedBytes / GIB * SHARED_MICROS_PER_GIB;
    return new FreezeForecast(privateBytes, sharedBytes, Math.round(micros));
  }
}
