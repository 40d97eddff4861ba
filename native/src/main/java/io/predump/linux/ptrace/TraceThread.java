package io.predump.linux.ptrace;

import io.predump.linux.LibC;
import io.predump.linux.ThreadPriority;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * The OS thread that traces. ptrace takes requests only from the thread that seized the tracee, so
 * all of them are made here. When the thread ends, the kernel lets go of every tracee it still has,
 * also of one that never stopped. Calls may come from any thread; they run one after the other.
 */
public final class TraceThread implements AutoCloseable {
  private static final FutureTask<Void> END = new FutureTask<>(() -> null);
  private static final long END_WAIT_NANOS = TimeUnit.SECONDS.toNanos(1);

  private static final int PR_SET_TIMERSLACK = 29;

  private final LinkedBlockingQueue<FutureTask<?>> tasks = new LinkedBlockingQueue<>();
  private final Thread thread;
  private volatile int tid;
  private volatile boolean closed;

  private TraceThread(String name) {
    this.thread = new Thread(this::run, name);
    thread.setDaemon(true);
  }

  /**
   * Starts a thread.
   *
   * @param name the thread's name
   */
  public static TraceThread start(String name) {
    TraceThread trace = new TraceThread(name);
    trace.thread.start();
    return trace;
  }

  private void run() {
    tid = (int) LibC.syscall(LibC.SYS_GETTID, 0, 0, 0, 0, 0, 0);
    // Every microsecond this thread waits for a processor is one in which the target stands still.
    ThreadPriority.raise();
    // Sleeps of 20 µs shall last 20 µs, not 70.
    LibC.syscall(LibC.SYS_PRCTL, PR_SET_TIMERSLACK, 1, 0, 0, 0, 0);
    while (true) {
      try {
        FutureTask<?> task = tasks.take();
        if (task == END) {
          return;
        }
        task.run();
      } catch (InterruptedException e) {
        // Nobody may end this thread but close().
      }
    }
  }

  /**
   * Runs {@code work} on the tracing thread and waits for it, also when interrupted: a target that
   * is half way through must be brought to the end.
   *
   * @return what {@code work} returns
   * @throws IOException what {@code work} throws
   * @throws IllegalStateException if closed
   */
  public <T> T call(Callable<T> work) throws IOException {
    if (closed) {
      throw new IllegalStateException("trace thread is closed");
    }
    FutureTask<T> task = new FutureTask<>(work);
    tasks.add(task);
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return task.get();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    } catch (ExecutionException e) {
      Throwable cause = e.getCause();
      if (cause instanceof IOException failure) {
        throw failure;
      }
      if (cause instanceof RuntimeException failure) {
        throw failure;
      }
      if (cause instanceof Error failure) {
        throw failure;
      }
      throw new IOException(cause);
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Ends the thread and waits, at most a second, until the kernel has let go of its tracees. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    tasks.add(END);
    long start = System.nanoTime();
    // A Java thread counts as ended a little before the OS thread, and that is the one that counts.
    Path task = Path.of("/proc/self/task/" + tid);
    while ((thread.isAlive() || Files.exists(task)) && System.nanoTime() - start < END_WAIT_NANOS) {
      LockSupport.parkNanos(50_000);
      // parkNanos returns at once while interrupted; then this spins for the rest.
    }
  }
}
