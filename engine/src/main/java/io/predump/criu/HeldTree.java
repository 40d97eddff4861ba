package io.predump.criu;

import io.predump.linux.Errno;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.proc.ProcessTree;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/** The processes that CRIU has stopped and holds, by ptrace, while it waits for us. */
final class HeldTree {
  /** Stopped or traced, a zombie, dead. */
  private static final String STILL = "tTZX";

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

  /** {@return a thread that is not stopped, and how it is} */
  Optional<String> runningThread() throws IOException {
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
