package io.predump.linux.testkit;

import java.time.Duration;

/**
 * How much longer things take here than on a machine of our own: the upper bounds of tests are
 * multiplied by it. 1, unless the property {@code predump.slowness} says more, as it does where
 * processors are emulated.
 */
public final class Slowness {
  private static final int FACTOR = Integer.getInteger("predump.slowness", 1);

  private Slowness() {}

  /** Returns a bound for here. */
  public static Duration times(Duration bound) {
    return bound.multipliedBy(FACTOR);
  }

  /** Returns a bound for here, in the unit of {@code bound}. */
  public static long times(long bound) {
    return bound * FACTOR;
  }
}
