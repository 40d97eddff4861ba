package io.predump.linux.net;

import java.time.Duration;

/**
 * A moment after which nobody waits any more. Several calls that share one wait no longer together
 * than one alone: a peer that sends a byte at a time does not gain time by it. Immutable.
 */
public final class Deadline {
  /** Never comes. */
  public static final Deadline NEVER = new Deadline(false, 0);

  private final boolean comes;
  private final long nanos;

  private Deadline(boolean comes, long nanos) {
    this.comes = comes;
    this.nanos = nanos;
  }

  /** Returns the moment that comes after {@code time} from now; it has come if that is 0. */
  public static Deadline after(Duration time) {
    return new Deadline(true, System.nanoTime() + time.toNanos());
  }

  /** Returns whether it has come. */
  public boolean hasCome() {
    return comes && nanos - System.nanoTime() <= 0;
  }

  /** Returns milliseconds as poll(2) takes them: rounded up, 0 if it has come, -1 for never. */
  int pollMillis() {
    if (!comes) {
      return -1;
    }
    long left = nanos - System.nanoTime();
    return left <= 0 ? 0 : (int) Math.min(Integer.MAX_VALUE, (left + 999_999) / 1_000_000);
  }
}
