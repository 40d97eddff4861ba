package io.predump.daemon;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** The jobs of one session, first come, first served. Bounded, and at some moment closed. */
final class JobQueue {
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Deque<Job<?>> waiting = new ArrayDeque<>();
  private final int most;
  private @Nullable String lastWord;
  private @Nullable DaemonException closed;

  /**
   * @param most jobs that may wait
   */
  JobQueue(int most) {
    this.most = most;
  }

  /**
   * Queues up.
   *
   * @throws IOException if the session has ended, or too many wait
   */
  void add(Job<?> job) throws IOException {
    lock.lock();
    try {
      if (closed != null) {
        throw new DaemonException(closed.code(), String.valueOf(closed.getMessage()));
      }
      if (lastWord != null) {
        throw new DaemonException(ErrorCode.USAGE, "the session is being detached: " + lastWord);
      }
      if (waiting.size() >= most) {
        throw new DaemonException(
            ErrorCode.FAILURE, "too many requests wait for the session: at most " + most);
      }
      waiting.add(job);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Takes no more jobs; those that wait are done, and then the session lets go. */
  void finishUp(String why) {
    lock.lock();
    try {
      if (lastWord == null) {
        lastWord = why;
        changed.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Takes no more jobs and refuses those that wait: what is under way is the last. */
  void finishNow(String why) {
    lock.lock();
    try {
      finishUp(why);
      refuseWaiting(new DaemonException(ErrorCode.USAGE, "the session is being detached: " + why));
    } finally {
      lock.unlock();
    }
  }

  private void refuseWaiting(DaemonException why) {
    for (Job<?> job : waiting) {
      job.refuse(why);
    }
    waiting.clear();
  }

  /** {@return why the session lets go, once nothing waits any more} */
  Optional<String> finishedUp() {
    lock.lock();
    try {
      return waiting.isEmpty() ? Optional.ofNullable(lastWord) : Optional.empty();
    } finally {
      lock.unlock();
    }
  }

  /** {@return the next job; empty after so long without one, or when there will be none} */
  Optional<Job<?>> poll(long nanos) throws InterruptedException {
    lock.lock();
    try {
      long left = nanos;
      while (waiting.isEmpty() && lastWord == null && left > 0) {
        left = changed.awaitNanos(Math.min(left, TimeUnit.DAYS.toNanos(1)));
      }
      return Optional.ofNullable(waiting.poll());
    } finally {
      lock.unlock();
    }
  }

  /** Refuses what waits and whatever comes. */
  void close(DaemonException why) {
    lock.lock();
    try {
      closed = why;
      refuseWaiting(why);
    } finally {
      lock.unlock();
    }
  }
}
