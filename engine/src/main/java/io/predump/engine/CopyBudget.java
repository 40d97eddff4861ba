package io.predump.engine;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;

/**
 * What all sessions of one program may take together: so many copies at a time, each with threads
 * and buffers of its own, and a common bound on bandwidth and processor time. A session borrows the
 * tools of a copy for a stretch of pages, hands them back if others wait, and queues up again;
 * first come, first served. So the memory for copying does not grow with the number of sessions,
 * and nobody waits longer than for one stretch of each before.
 *
 * <p>The final freeze holds its tools from before the stop to after the thaw, and is exempt from
 * the other bounds: whoever stands still must not wait.
 *
 * <p>For any thread. Closed when no session uses it any more.
 */
public final class CopyBudget implements AutoCloseable {
  private final ReentrantLock lock = new ReentrantLock();
  private final Deque<Condition> queue = new ArrayDeque<>();
  private final Deque<CopyTools> free = new ArrayDeque<>();
  private final List<CopyTools> made = new ArrayList<>();
  private final int copies;
  private final int threads;
  private final CopyBrake brake;

  /**
   * Makes the tools, where others share them. A thread has the rights on files of the one that
   * started it, and a borrower may act for an unprivileged user.
   */
  private final Optional<ExecutorService> maker;

  /**
   * @param copies copies at a time
   * @param threads workers of each, at least 1
   * @param total what the workers of live rounds of all sessions together may take; pacing is a
   *     session's own
   */
  public CopyBudget(int copies, int threads, CopyLimits total) {
    this(copies, threads, total, Optional.of(startedMaker()));
  }

  private CopyBudget(int copies, int threads, CopyLimits total, Optional<ExecutorService> maker) {
    if (copies < 1 || threads < 1) {
      throw new IllegalArgumentException(
          "copies=" + copies + " threads=" + threads + ": at least 1 each");
    }
    this.copies = copies;
    this.threads = threads;
    this.brake = new CopyBrake(total);
    this.maker = maker;
  }

  private static ExecutorService startedMaker() {
    ExecutorService maker =
        Executors.newSingleThreadExecutor(
            task -> {
              Thread thread = new Thread(task, "predump-copy-maker");
              thread.setDaemon(true);
              return thread;
            });
    maker.execute(() -> {});
    return maker;
  }

  /** {@return the budget of a session that is alone} */
  static CopyBudget ofOne(int threads) {
    return new CopyBudget(1, threads, CopyLimits.NONE, Optional.empty());
  }

  /**
   * {@return how many copies fit in so much memory, at least 1}
   *
   * @param bytes for buffers of copies and of final freezes
   * @param freezeBufferBytes what a final freeze reads into memory at most
   */
  public static int copiesWithin(long bytes, int threads, long freezeBufferBytes) {
    long frames = (2L * threads + 2) * CopyPipeline.JOB_BYTES;
    long reading = 2L * threads * CopyPipeline.JOB_BYTES;
    return (int) Math.max(1, Math.min(1024, bytes / (frames + reading + freezeBufferBytes)));
  }

  int threads() {
    return threads;
  }

  CopyBrake brake() {
    return brake;
  }

  /** {@return whether somebody waits for tools} */
  boolean wanted() {
    lock.lock();
    try {
      return !queue.isEmpty();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits for its turn.
   *
   * @param cancelled asked when it is woken by {@link #wake}
   * @return to be given back
   * @throws CancelledException if the wait was given up
   */
  CopyTools borrow(BooleanSupplier cancelled) throws CancelledException {
    lock.lock();
    Condition turn = lock.newCondition();
    queue.addLast(turn);
    try {
      while (queue.peekFirst() != turn || (free.isEmpty() && made.size() == copies)) {
        if (cancelled.getAsBoolean()) {
          throw new CancelledException();
        }
        turn.awaitUninterruptibly();
      }
      if (free.isEmpty()) {
        CopyTools tools = make();
        made.add(tools);
        return tools;
      }
      return free.removeFirst();
    } finally {
      queue.remove(turn);
      signalNext();
      lock.unlock();
    }
  }

  private CopyTools make() {
    return maker
        .map(m -> CompletableFuture.supplyAsync(() -> new CopyTools(threads), m).join())
        .orElseGet(() -> new CopyTools(threads));
  }

  void giveBack(CopyTools tools) {
    lock.lock();
    try {
      free.addFirst(tools);
      signalNext();
    } finally {
      lock.unlock();
    }
  }

  private void signalNext() {
    Condition next = queue.peekFirst();
    if (next != null) {
      next.signal();
    }
  }

  /** Has all who wait ask whether they are cancelled. */
  void wake() {
    lock.lock();
    try {
      queue.forEach(Condition::signal);
    } finally {
      lock.unlock();
    }
  }

  /** Ends the threads and frees the buffers. */
  @Override
  public void close() {
    lock.lock();
    try {
      made.forEach(CopyTools::close);
      maker.ifPresent(ExecutorService::shutdown);
    } finally {
      lock.unlock();
    }
  }
}
