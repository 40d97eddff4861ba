package io.predump.criu;

import io.predump.criu.CriuException.Kind;
import io.predump.linux.Errno;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.proc.ProcessTree;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** The processes that CRIU has stopped and holds, by ptrace, while it waits for us. */
final class HeldTree {
  /** Stopped or traced, a zombie, dead. */
  private static final String STILL = "tTZX";

  private static final Duration END_PATIENCE = Duration.ofSeconds(2);

  /** The criu that holds the tree. */
  interface Holder {
    /** {@return whether it has ended, or does so within that time} */
    boolean endsWithin(Duration time) throws IOException;

    /** {@return that it did what is said, and its own last words} */
    CriuException failed(String what);
  }

  private final List<Pid> pids;
  private final int threadCount;

  private HeldTree(List<Pid> pids, int threadCount) {
    this.pids = pids;
    this.threadCount = threadCount;
  }

  /** Looks at a tree that is frozen: between our last look and the freeze some came and went. */
  static HeldTree below(Pid root) throws IOException {
    List<Pid> pids = List.copyOf(ProcessTree.descendants(root));
    int threads = 0;
    for (Pid pid : pids) {
      threads += threads(pid).size();
    }
    return new HeldTree(pids, threads);
  }

  /** {@return its threads, none if it has ended: children did, before CRIU came} */
  private static List<Integer> threads(Pid pid) throws SyscallException {
    try {
      return ProcStatus.threads(pid);
    } catch (SyscallException e) {
      if (e.is(Errno.ENOENT) || e.is(Errno.ESRCH)) {
        return List.of();
      }
      throw e;
    }
  }

  /** {@return the processes, the root first} */
  List<Pid> pids() {
    return pids;
  }

  /** {@return the number of their threads} */
  int threadCount() {
    return threadCount;
  }

  /**
   * Makes sure that its holder lives and that no thread runs.
   *
   * @throws CriuException otherwise
   */
  void requireHeldBy(Holder criu) throws IOException {
    Optional<String> running = runningThread();
    // A criu that is killed lets the tree go before its end is seen.
    if (criu.endsWithin(running.isPresent() ? END_PATIENCE : Duration.ZERO)) {
      throw criu.failed("ended while it held the tree, which runs on");
    }
    if (running.isPresent()) {
      throw new CriuException(Kind.FAILED, running.get() + " although criu holds the tree");
    }
  }

  /** {@return what has become of a tree whose holder failed after the dump was complete} */
  static String afterLateFailure(boolean leftRunning) {
    return leftRunning
        ? "the tree runs on"
        : "the round is durable, but the tree may run on: look at it before restoring";
  }

  /** {@return a thread that is not stopped, and how it is} */
  private Optional<String> runningThread() throws IOException {
    for (Pid pid : pids) {
      for (int tid : threads(pid)) {
        char state = ProcStatus.threadState(pid, tid);
        if (STILL.indexOf(state) < 0) {
          return Optional.of("pid=" + pid.number() + " tid=" + tid + " runs (state " + state + ")");
        }
      }
    }
    return Optional.empty();
  }
}
