package io.predump.linux.ptrace;

import io.predump.linux.Errno;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.proc.ProcStatus;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;

/**
 * Which thread of a process a stop costs least: of all its system calls most are restarted without
 * the program noticing, some return EINTR, and a thread in vfork does not stop at all.
 */
final class ThreadChoice {
  /** A process may have thousands of threads; the choice looks at so many. */
  private static final int MAX_CANDIDATES = 64;

  /** Calls that any stop ends with EINTR, signal(7): numbers of x86-64. */
  private static final Set<Integer> NOT_RESTARTED =
      Set.of(
          65, // semop
          128, // rt_sigtimedwait
          208, // io_getevents
          220, // semtimedop
          232, // epoll_wait
          281, // epoll_pwait
          333, // io_pgetevents
          441); // epoll_pwait2

  /** Calls whose caller does not stop until its child has exec'ed or exited. */
  private static final Set<Integer> MAY_BE_VFORK =
      Set.of(
          56, // clone
          58, // vfork
          435); // clone3

  /** Calls restarted unless the socket has a timeout. */
  private static final Set<Integer> PERHAPS_NOT_RESTARTED =
      Set.of(
          42, // connect
          43, // accept
          44, // sendto
          45, // recvfrom
          46, // sendmsg
          47, // recvmsg
          288, // accept4
          299, // recvmmsg
          307); // sendmmsg

  /** How reluctantly we would stop a thread. */
  private static final int ENDED = -1;

  private static final int UNNOTICED = 0;
  private static final int PERHAPS_INTERRUPTED = 1;
  private static final int INTERRUPTED = 2;
  private static final int IN_VFORK = 3;
  private static final int UNINTERRUPTIBLE = 4;

  private ThreadChoice() {}

  /** A thread, and how reluctantly we would stop it. */
  private record Candidate(int tid, int reluctance) {}

  /**
   * {@return the threads of a process in the order to try them; empty if none lives}
   *
   * @param most how many at most; looks no further than so many after the first good one
   * @throws SyscallException ESRCH if the process is gone
   */
  static List<Integer> of(Pid pid, int most) throws IOException {
    List<Candidate> candidates = new ArrayList<>();
    int looked = 0;
    boolean good = false;
    for (int tid : threads(pid)) {
      if ((good && ++looked > most) || candidates.size() > MAX_CANDIDATES) {
        break;
      }
      int reluctance = reluctance(pid, tid);
      if (reluctance >= 0) {
        candidates.add(new Candidate(tid, reluctance));
        good |= reluctance == UNNOTICED;
      }
    }
    // Stable: of equals the main thread stays first.
    return candidates.stream()
        .sorted(Comparator.comparingInt(Candidate::reluctance))
        .map(Candidate::tid)
        .limit(most)
        .toList();
  }

  /** {@return whether a thread lives, and waits in no call that a stop makes return EINTR} */
  static boolean stopsUnnoticed(Pid pid, int tid) throws IOException {
    int reluctance = reluctance(pid, tid);
    return reluctance >= 0 && reluctance != INTERRUPTED && reluctance != PERHAPS_INTERRUPTED;
  }

  private static List<Integer> threads(Pid pid) throws IOException {
    try {
      return ProcStatus.threads(pid);
    } catch (SyscallException e) {
      throw e.is(Errno.ENOENT) ? new SyscallException("inject into " + pid, Errno.ESRCH) : e;
    }
  }

  private static int reluctance(Pid pid, int tid) throws IOException {
    char state = ProcStatus.threadState(pid, tid);
    if (state == 'Z' || state == 'X' || state == 'x') {
      return ENDED;
    }
    int number;
    try {
      number = ProcStatus.threadSyscall(pid, tid).orElse(-1);
    } catch (SyscallException e) {
      if (e.is(Errno.ENOENT) || e.is(Errno.ESRCH)) {
        return ENDED;
      }
      // Without this file the choice is blind, not impossible.
      number = -1;
    }
    if (state == 'D') {
      return UNINTERRUPTIBLE;
    }
    if (MAY_BE_VFORK.contains(number)) {
      return IN_VFORK;
    }
    if (NOT_RESTARTED.contains(number)) {
      return INTERRUPTED;
    }
    return PERHAPS_NOT_RESTARTED.contains(number) ? PERHAPS_INTERRUPTED : UNNOTICED;
  }
}
