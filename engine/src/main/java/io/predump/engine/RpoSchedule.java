package io.predump.engine;

import java.time.Duration;

/**
 * Begins rounds so that the newest committed one is never older than wanted. A round is as old as
 * its scan: it holds memory as it was then or later. So a round that takes D must begin D before
 * its predecessor's scan becomes too old; D is learnt, with a margin. Used by one thread.
 */
public final class RpoSchedule {
  private static final double MARGIN = 2;
  private static final long LEAST_MARGIN_NANOS = 50_000_000;
  private static final int REMEMBERED = 3;

  private final long rpoNanos;
  private final long[] durations = new long[REMEMBERED];
  private int rounds;
  private long newestScan;
  private long oldestNanos;

  /**
   * @param rpo how old the newest round may become
   */
  public RpoSchedule(Duration rpo) {
    this.rpoNanos = rpo.toNanos();
  }

  /**
   * {@return nanoseconds from {@code now} until the next round must begin, not positive if at once}
   *
   * @param now {@link System#nanoTime()}
   */
  public long untilNext(long now) {
    return rounds == 0 ? 0 : newestScan + rpoNanos - expectedNanos() - now;
  }

  /**
   * How long a round may take: the first one copies everything and says little of the others, but
   * nothing else is known after it.
   */
  private long expectedNanos() {
    long longest = 0;
    for (int i = 0; i < REMEMBERED; i++) {
      longest = Math.max(longest, durations[i]);
    }
    return (long) (MARGIN * longest) + LEAST_MARGIN_NANOS;
  }

  /** A round was committed; both times are {@link System#nanoTime()}. */
  public void committed(long beganNanos, long committedNanos) {
    note(committedNanos);
    if (rounds == 1) {
      durations[0] = 0; // the first round's
    }
    durations[rounds % REMEMBERED] = committedNanos - beganNanos;
    rounds++;
    newestScan = beganNanos;
  }

  /**
   * {@return how old the newest round has ever been until {@code now}, nanoseconds; 0 before it}
   */
  public long oldestNanos(long now) {
    note(now);
    return oldestNanos;
  }

  /** {@return whether the newest round was ever older than wanted, until now} */
  public boolean missed(long now) {
    return oldestNanos(now) > rpoNanos;
  }

  private void note(long now) {
    if (rounds > 0) {
      oldestNanos = Math.max(oldestNanos, now - newestScan);
    }
  }
}
