package io.predump.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Catches SIGINT and SIGTERM for the time of a scope: asks the work to stop and gives it two
 * seconds to leave the scope. The JVM then ends with the exit code of the signal, 130 or 143.
 */
final class Interruption implements AutoCloseable {
  private static final long GRACE_SECONDS = 2;

  private final CountDownLatch left = new CountDownLatch(1);
  private final Runnable stop;
  private final Thread hook = new Thread(this::interrupted, "interruption");

  /**
   * Begins the scope.
   *
   * @param stop asks the work to stop; called from another thread, at most once
   */
  Interruption(Runnable stop) {
    this.stop = stop;
    Runtime.getRuntime().addShutdownHook(hook);
  }

  private void interrupted() {
    stop.run();
    try {
      boolean inTime = left.await(GRACE_SECONDS, TimeUnit.SECONDS);
      if (!inTime) {
        return; // what is not committed by now is swept by the next run
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    left.countDown();
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // the JVM is ending already, and the hook is what ends it
    }
  }
}
