package io.predump.engine;

import io.predump.linux.Errno;
import io.predump.linux.Freeze;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.ptrace.Freezer;
import io.predump.linux.ptrace.TraceException;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * One process after the other, by ptrace. If this program dies the kernel lets all of them go: the
 * default for that reason.
 */
final class PtraceMethod implements FreezeMethod {
  /**
   * A process that stands still bears no children, so looking again until nobody new is found ends.
   */
  @Override
  public Freeze freeze(TargetTree tree, Duration timeout) throws IOException {
    All all = new All();
    boolean complete = false;
    try {
      Set<Pid> seen = new HashSet<>();
      boolean anyNew = true;
      while (anyNew) {
        anyNew = false;
        for (Pid pid : tree.pids()) {
          if (seen.add(pid)) {
            anyNew = true;
            freeze(pid, tree, timeout, all.freezers);
          }
        }
      }
      complete = true;
      return all;
    } finally {
      if (!complete) {
        all.close();
      }
    }
  }

  private static void freeze(Pid pid, TargetTree tree, Duration timeout, List<Freezer> freezers)
      throws IOException {
    try {
      freezers.add(Freezer.freeze(pid, timeout));
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

  /** A thread in the middle of I/O stops when that is done. */
  @Override
  public boolean isPassing(IOException failure) {
    return FreezeMethod.isOfAMoment(failure)
        || (failure instanceof TraceException e && e.reason() == TraceException.Reason.NO_STOP);
  }

  @Override
  public String description() {
    return "ptrace";
  }

  @Override
  public List<String> warnings() {
    return List.of();
  }

  @Override
  public void close() {}

  /** The processes stopped so far. */
  private static final class All implements Freeze {
    final List<Freezer> freezers = new ArrayList<>();

    @Override
    public long frozenSinceNanos() {
      return freezers.get(0).frozenSinceNanos();
    }

    @Override
    public long thawedNanos() {
      return freezers.stream().mapToLong(Freezer::thawedNanos).max().orElseThrow();
    }

    @Override
    public int threadCount() {
      return freezers.stream().mapToInt(Freezer::threadCount).sum();
    }

    @Override
    public void requireHeld() {
      freezers.forEach(Freezer::requireHeld);
    }

    @Override
    public void close() {
      Closing.all(freezers);
    }
  }
}
