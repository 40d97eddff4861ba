package io.predump.engine;

import io.predump.linux.Errno;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.ThreadPriority;
import io.predump.linux.ptrace.Freezer;
import io.predump.linux.ptrace.TraceException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;

/** A process tree all of whose threads stand still, until it is closed. */
final class FrozenTree implements AutoCloseable {
  private static final int MOST_ATTEMPTS = 4;
  private static final long ATTEMPT_PAUSE_NANOS = 300_000_000;

  private final List<Freezer> freezers;
  private final ThreadPriority priority;
  private final long stoppedNanos = System.nanoTime();
  private boolean thawed;

  private FrozenTree(List<Freezer> freezers, ThreadPriority priority) {
    this.freezers = freezers;
    this.priority = priority;
  }

  /**
   * Stops all threads of all processes of the tree. A process that stands still bears no children,
   * so looking again until nobody new is found ends.
   *
   * @throws IOException if one does not stop in time; all of them run on
   */
  static FrozenTree open(TargetTree tree, SessionOptions options) throws IOException {
    for (int attempt = 1; ; attempt++) {
      try {
        return openOnce(tree, options);
      } catch (TraceException e) {
        // A thread in a vfork or in the middle of I/O: let all run on, and try again.
        if (e.reason() != TraceException.Reason.NO_STOP || attempt == MOST_ATTEMPTS) {
          throw e;
        }
        LockSupport.parkNanos(ATTEMPT_PAUSE_NANOS);
      }
    }
  }

  private static FrozenTree openOnce(TargetTree tree, SessionOptions options) throws IOException {
    ThreadPriority priority = ThreadPriority.raise();
    List<Freezer> freezers = new ArrayList<>();
    FrozenTree opened = null;
    try {
      Set<Pid> seen = new HashSet<>();
      boolean anyNew = true;
      while (anyNew) {
        anyNew = false;
        for (Pid pid : tree.pids()) {
          if (seen.add(pid)) {
            anyNew = true;
            freeze(pid, tree, options, freezers);
          }
        }
      }
      opened = new FrozenTree(freezers, priority);
      return opened;
    } finally {
      if (opened == null) {
        priority.close();
        Closing.all(freezers);
      }
    }
  }

  private static void freeze(
      Pid pid, TargetTree tree, SessionOptions options, List<Freezer> freezers) throws IOException {
    try {
      freezers.add(Freezer.freeze(pid, options.freezeTimeout()));
    } catch (SyscallException e) {
      if (pid.equals(tree.root().pid()) || !e.is(Errno.ESRCH)) {
        throw e;
      }
    } catch (TraceException e) {
      if (pid.equals(tree.root().pid()) || e.reason() != TraceException.Reason.NO_LIVE_THREAD) {
        throw e;
      }
    }
  }

  /** {@return the time before the first thread was asked to stop} */
  long beganNanos() {
    return freezers.get(0).frozenSinceNanos();
  }

  /** {@return the time when the last thread had stopped} */
  long stoppedNanos() {
    return stoppedNanos;
  }

  int threadCount() {
    return freezers.stream().mapToInt(Freezer::threadCount).sum();
  }

  /** {@return the time after the last thread was let go; closed only} */
  long thawedNanos() {
    return freezers.stream().mapToLong(Freezer::thawedNanos).max().orElseThrow();
  }

  /** Lets all threads go. Further calls do nothing. */
  @Override
  public void close() {
    if (!thawed) {
      thawed = true;
      priority.close();
      Closing.all(freezers);
    }
  }
}
