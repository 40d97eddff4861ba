package io.predump.engine;

/**
 * A token bucket that holds nothing: whoever takes units is told how long to wait until those taken
 * before are paid for. Time not used is not saved up, so no burst follows a pause. Thread-safe.
 */
final class RateLimit {
  private double unitsPerNano = Double.POSITIVE_INFINITY;
  private long paidUntil;
  private boolean begun;

  /** Sets the rate; infinity for none. */
  synchronized void rate(double perNano) {
    unitsPerNano = perNano;
  }

  /**
   * Takes units.
   *
   * @param now {@link System#nanoTime()}
   * @return nanoseconds to wait from now on before using them
   */
  synchronized long take(double units, long now) {
    if (unitsPerNano == Double.POSITIVE_INFINITY) {
      return 0;
    }
    if (!begun || now - paidUntil > 0) {
      paidUntil = now;
      begun = true;
    }
    long wait = paidUntil - now;
    paidUntil += (long) (units / unitsPerNano);
    return wait;
  }
}
