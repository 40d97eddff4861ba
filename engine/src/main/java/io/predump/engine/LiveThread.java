package io.predump.engine;

import io.predump.linux.Errno;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.proc.ProcStatus;
import java.util.Optional;

/**
 * The thread of a process that /proc is asked about: the main one, or another once that has ended.
 * {@code /proc/PID} of a process whose main thread has ended shows no mappings and no descriptors,
 * while {@code /proc/TID} of any living thread shows all of them. Safe for use by several threads.
 */
final class LiveThread {
  private final Pid process;
  private volatile Pid current;

  /** Begins with the main thread, dead or alive. */
  LiveThread(Pid process) {
    this.process = process;
    this.current = process;
  }

  /** {@return a living thread of a process, the main one if it lives; empty if none does} */
  static Optional<Pid> of(Pid process) throws SyscallException {
    try {
      for (int tid : ProcStatus.threads(process)) {
        if (lives(process, tid)) {
          return Optional.of(new Pid(tid));
        }
      }
      return Optional.empty();
    } catch (SyscallException e) {
      if (e.is(Errno.ENOENT) || e.is(Errno.ESRCH)) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /** Takes another thread if the one taken before has ended. */
  void renew() throws SyscallException {
    if (!lives(process, current.number())) {
      current = of(process).orElse(current);
    }
  }

  /**
   * {@return whether there is a living thread now, other than the one that was found to be gone}
   */
  boolean renewedSince(Pid gone) throws SyscallException {
    renew();
    return !current.equals(gone);
  }

  private static boolean lives(Pid process, int tid) throws SyscallException {
    char state = ProcStatus.threadState(process, tid);
    return state != 'Z' && state != 'X' && state != 'x';
  }

  /** {@return the thread} */
  Pid id() {
    return current;
  }
}
