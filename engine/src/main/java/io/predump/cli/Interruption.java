package io.predump.cli;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Catches SIGINT and SIGTERM while a command runs: asks the work to stop and gives the command time
 * to clean up and to report, as a rule {@link #GRACE}, for it must be gone after two seconds. The
 * JVM then ends with the exit code of the signal, 130 or 143. A command that has nothing to stop
 * ends at once.
 */
final class Interruption implements AutoCloseable {
  private static final Duration GRACE = Duration.ofMillis(1500);

  private final CountDownLatch done = new CountDownLatch(1);
  private final Thread hook = new Thread(this::interrupted, "interruption");
  private @Nullable Stop stop;
  private boolean requested;

  private record Stop(Runnable how, Duration grace) {}

  private Interruption() {}

  /** Begins to catch; to be closed when the command has reported everything. */
  static Interruption begin() {
    Interruption interruption = new Interruption();
    Runtime.getRuntime().addShutdownHook(interruption.hook);
    return interruption;
  }

  /** A way to stop that is in force until it is closed. */
  interface Scope extends AutoCloseable {
    @Override
    void close();
  }

  /**
   * Sets how the work is asked to stop; at once if that was asked for already.
   *
   * @param newStop called at most once, from any thread
   * @return brings back what was set before
   */
  Scope stopBy(Runnable newStop) {
    return stopBy(newStop, GRACE);
  }

  /**
   * The same, for work that may take longer to stop.
   *
   * @param grace how long the command may take to end once it was asked
   */
  synchronized Scope stopBy(Runnable newStop, Duration grace) {
    Stop before = stop;
    stop = new Stop(newStop, grace);
    if (requested) {
      newStop.run();
    }
    return () -> set(before);
  }

  private synchronized void set(@Nullable Stop before) {
    stop = before;
  }

  private void interrupted() {
    Duration grace;
    synchronized (this) {
      requested = true;
      if (stop == null) {
        return;
      }
      stop.how.run();
      grace = stop.grace;
    }
    try {
      boolean inTime = done.await(grace.toMillis(), TimeUnit.MILLISECONDS);
      if (!inTime) {
        return; // what is not committed by now is swept by the next run
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    done.countDown();
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // the JVM is ending already, and the hook is what ends it
    }
  }
}
