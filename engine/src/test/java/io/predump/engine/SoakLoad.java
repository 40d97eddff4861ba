package io.predump.engine;

import io.predump.linux.testkit.LiveTarget;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** The clients of a server: a thread that asks, and checks the answers, until it is closed. */
final class SoakLoad implements AutoCloseable {
  private static final long PATIENCE_NANOS = 20_000_000_000L;

  /** One question and what its answer must be. */
  interface Step {
    void ask(Random random) throws Exception;
  }

  private final Thread thread;
  private volatile boolean closed;
  private final AtomicLong steps = new AtomicLong();
  private volatile @Nullable Throwable failure;

  SoakLoad(String name, long seed, Step step) {
    Random random = new Random(seed);
    thread = new Thread(() -> run(step, random), name);
    thread.setDaemon(true);
    thread.start();
  }

  private void run(Step step, Random random) {
    try {
      while (!closed) {
        step.ask(random);
        steps.incrementAndGet();
      }
    } catch (Exception | AssertionError e) {
      if (!closed) {
        failure = e;
      }
    }
  }

  /** Fails if an answer was wrong, or none comes any more. */
  void check() {
    long before = steps.get();
    long end = System.nanoTime() + PATIENCE_NANOS;
    while (steps.get() < before + 2) {
      Throwable wrong = failure;
      if (wrong != null) {
        throw new AssertionError(thread.getName() + ": a client after " + steps + " steps", wrong);
      }
      if (System.nanoTime() > end) {
        throw new AssertionError(thread.getName() + ": no answer any more after step " + steps);
      }
      LiveTarget.pause(1);
    }
  }

  @Override
  public void close() {
    closed = true;
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
