package io.predump.junit;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.opentest4j.AssertionFailedError;

/**
 * Work that a target is given while it is checkpointed: an action repeated on a thread of its own,
 * or a program. It ends with the test, or when stopped. A checkpoint taken under a load demands
 * that it works right up to the final freeze; what becomes of it when the target ends is its own
 * affair, for its connections break.
 *
 * <p>Any thread may call the methods.
 */
public final class Load implements AutoCloseable {
  /** One piece of work, repeated. */
  @FunctionalInterface
  public interface Action {
    /** Does it once; any failure ends the load. */
    void run() throws Exception;
  }

  /** What does the work. */
  private interface Worker {
    boolean works();

    /** {@return why it works no more, if it is known} */
    @Nullable Throwable failure();

    String name();

    void end() throws InterruptedException;
  }

  private static final Duration FIRST = Duration.ofSeconds(10);
  private static final Duration END = Duration.ofSeconds(10);
  private static final long POLL_MILLIS = 5;

  private final Worker worker;

  private Load(Worker worker) {
    this.worker = worker;
  }

  static Load repeating(Action action) {
    Repeating repeating = new Repeating(action);
    repeating.thread.start();
    return new Load(repeating);
  }

  static Load program(List<String> command, Path directory) throws IOException {
    Path output = directory.resolve("load-" + System.nanoTime() + ".output");
    return new Load(
        new Program(
            command.get(0),
            new ProcessBuilder(command)
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start()));
  }

  /**
   * Makes sure that it works: an action was done once more from now on, a program runs.
   *
   * @throws AssertionFailedError if it has ended, or does not get on within ten seconds
   */
  void requireWorking() throws InterruptedException {
    long seen = repetitions();
    long began = System.nanoTime();
    boolean counts = worker instanceof Repeating;
    do {
      if (!worker.works()) {
        throw new AssertionFailedError(
            "the load ended before the checkpoint: " + worker.name(), worker.failure());
      }
      if (!counts || repetitions() > seen) {
        return;
      }
      Thread.sleep(POLL_MILLIS);
    } while (System.nanoTime() - began < FIRST.toNanos());
    throw new AssertionFailedError(
        "the load does not get on: "
            + worker.name()
            + ", not done once more within "
            + FIRST.toSeconds()
            + " s");
  }

  /** {@return whether it has not ended, by itself or stopped} */
  boolean works() {
    return worker.works();
  }

  /** {@return how often the action was done so far; 0 for a program} */
  public long repetitions() {
    return worker instanceof Repeating repeating ? repeating.repetitions : 0;
  }

  /** Ends it and waits, ten seconds at most; again without effect. */
  @Override
  public void close() throws InterruptedException {
    worker.end();
  }

  private static final class Repeating implements Worker {
    private final Action action;
    private final Thread thread = new Thread(this::repeat, "predump-load");
    private volatile boolean ending;
    private volatile long repetitions;
    private volatile @Nullable Throwable failure;

    Repeating(Action action) {
      this.action = action;
      thread.setDaemon(true);
    }

    // A single thread counts; others only look.
    @SuppressWarnings("NonAtomicVolatileUpdate")
    private void repeat() {
      try {
        while (!ending) {
          action.run();
          repetitions++;
        }
      } catch (Exception | AssertionError e) {
        failure = e;
      }
    }

    @Override
    public boolean works() {
      return thread.isAlive();
    }

    @Override
    public @Nullable Throwable failure() {
      return failure;
    }

    @Override
    public String name() {
      return "an action, done " + repetitions + " times";
    }

    @Override
    public void end() throws InterruptedException {
      ending = true;
      thread.interrupt();
      thread.join(END.toMillis());
    }
  }

  private record Program(String name, Process process) implements Worker {
    @Override
    public boolean works() {
      return process.isAlive();
    }

    @Override
    public @Nullable Throwable failure() {
      return null;
    }

    @Override
    public void end() throws InterruptedException {
      process.destroyForcibly().waitFor(END.toSeconds(), TimeUnit.SECONDS);
    }
  }
}
