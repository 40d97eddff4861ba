package io.predump.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Catches SIGINT and SIGTERM while a command runs: asks the work to stop and gives the command 1.5
 * seconds to clean up and to report, for it must be gone after two. The JVM then ends with the exit
 * code of the signal, 130 or 143. A command that has nothing to stop ends at once.
 */
final class Interruption implements AutoCloseable {
  private static final long GRACE_MILLIS = 1500;

  private final CountDownLatch done = new CountDownLatch(1);
  private final Thread hook = new Thread(this::interrupted, "interruption");
  private @Nullable Runnable stop;
  private boolean requested;

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
  synchronized Scope stopBy(Runnable newStop) {
    Runnable before = stop;
    stop = newStop;
    if (requested) {
      newStop.run();
    }
    return () -> set(before);
  }

  private synchronized void set(@Nullable Runnable before) {
    stop = before;
  }

  private void interrupted() {
    synchronized (this) {
      requested = true;
      if (stop == null) {
        return;
      }
      stop.run();
    }
    try {
      boolean inTime = done.await(GRACE_MILLIS, TimeUnit.MILLISECONDS);
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
