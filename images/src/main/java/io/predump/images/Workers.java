package io.predump.images;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** Does the same on several threads until all are done, or one fails. */
final class Workers {
  private Workers() {}

  /** Work for one thread, which takes its share until nothing is left. */
  @FunctionalInterface
  interface Work {
    void run() throws IOException;
  }

  /**
   * Runs the work on so many threads, on the caller's if that is one.
   *
   * @throws InterruptedIOException if the caller is interrupted; the threads have ended then
   * @throws IOException the first failure of one; the others have ended then
   */
  static void run(int threads, Work work) throws IOException {
    if (threads <= 1) {
      work.run();
      return;
    }
    ExecutorService pool = Executors.newFixedThreadPool(threads);
    try {
      List<Future<Void>> running = new ArrayList<>();
      for (int i = 0; i < threads; i++) {
        running.add(
            pool.submit(
                () -> {
                  work.run();
                  return null;
                }));
      }
      for (Future<Void> future : running) {
        await(future);
      }
    } finally {
      pool.shutdownNow();
      awaitEnd(pool);
    }
  }

  private static void await(Future<Void> future) throws IOException {
    try {
      future.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted");
    } catch (ExecutionException e) {
      if (e.getCause() instanceof IOException io) {
        throw io;
      }
      if (e.getCause() instanceof Error error) {
        throw error;
      }
      throw new IllegalStateException(e.getCause());
    }
  }

  /** The caller closes what they use: not before they have ended. */
  private static void awaitEnd(ExecutorService pool) {
    boolean interrupted = false;
    for (boolean ended = false; !ended; ) {
      try {
        ended = pool.awaitTermination(1, TimeUnit.MINUTES);
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
