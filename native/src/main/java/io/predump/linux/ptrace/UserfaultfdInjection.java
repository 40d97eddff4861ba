package io.predump.linux.ptrace;

import io.predump.linux.Errno;
import io.predump.linux.Fd;
import io.predump.linux.LibC;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.Uffdio;
import io.predump.linux.mem.ProcessMemory;
import io.predump.linux.proc.MemoryMap;
import io.predump.linux.proc.ProcStatus;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Has a process create a userfaultfd and takes it over. One thread is stopped for about 0.1 ms. See
 * the package for the steps and the races.
 */
public final class UserfaultfdInjection {
  private static final long STOP_TIMEOUT_NANOS = TimeUnit.MILLISECONDS.toNanos(300);

  /** The same for a thread that would run if it were its turn; it is not stopped meanwhile. */
  private static final long STARVED_TIMEOUT_NANOS = TimeUnit.SECONDS.toNanos(5);

  /** The most threads tried if they do not stop. */
  private static final int MAX_TRIES = 8;

  /**
   * {@code PIDFD_THREAD}, Linux 6.9: a pidfd of a thread, for a process whose main one has ended.
   */
  private static final int PIDFD_THREAD = 0200;

  /** Enough for the interpreter to have resolved every call. */
  private static final int REHEARSALS = 20;

  /** What the killing test replaces. */
  static volatile Boundary boundary = Boundary.NONE;

  /** How tests have it; {@link #NORMAL} is how everybody does. */
  record Form(boolean crashSafe, boolean repairRseq, boolean guardsStack, boolean looksAgain) {
    static final Form NORMAL = new Form(true, true, true, true);
    static final Form PLAIN = new Form(false, true, true, true);
    static final Form WITHOUT_RSEQ_REPAIR = new Form(true, false, true, true);
    static final Form WITHOUT_STACK_GUARD = new Form(true, true, false, true);
    static final Form BLIND = new Form(true, true, false, false);
  }

  private final Pid pid;
  private final ProcStatus status;
  private final Form form;
  private final List<String> warnings = new ArrayList<>();

  private UserfaultfdInjection(Pid pid, ProcStatus status, Form form) {
    this.pid = pid;
    this.status = status;
    this.form = form;
  }

  /**
   * Injects into a process. The descriptor is created with O_CLOEXEC, O_NONBLOCK and
   * UFFD_USER_MODE_ONLY; it still wants {@code UFFDIO_API}.
   *
   * @param pid the process, not a child of ours
   * @throws TraceException if it cannot be traced or does not stop, with the reason
   * @throws SyscallException ESRCH if it is gone; the errno of userfaultfd(2) in the target: EMFILE
   *     without a free descriptor, EPERM or EACCES by policy, ENOSYS; of pidfd_getfd(2)
   */
  public static Injected inject(Pid pid) throws IOException {
    return inject(pid, Form.NORMAL);
  }

  /** For tests: also in the forms that they show do harm. */
  static Injected inject(Pid pid, Form form) throws IOException {
    ProcStatus status = Target.check("inject into", pid);
    UserfaultfdInjection injection = new UserfaultfdInjection(pid, status, form);
    return injection.run(ThreadChoice.of(pid, MAX_TRIES));
  }

  /** Injects into one thread; for tests. */
  static Injected injectThread(Pid pid, int tid, Form form) throws IOException {
    ProcStatus status = Target.check("inject into", pid);
    return new UserfaultfdInjection(pid, status, form).run(List.of(tid));
  }

  private Injected run(List<Integer> tids) throws IOException {
    if (tids.isEmpty()) {
      throw new TraceException(
          TraceException.Reason.NO_LIVE_THREAD, "inject into " + pid + ": no live thread");
    }
    Pid live = status.isDead() ? new Pid(tids.get(0)) : pid;
    String unstopped = "";
    boolean mainHeld = false;
    MemoryMap map = read(live);
    Scratch scratch = scratch(live, map);
    try (ProcessMemory target = ProcessMemory.open(live);
        Fd pidfd = pidfd(live);
        Leftovers leftovers = Leftovers.find(live, pidfd, target, scratch);
        TraceThread trace = TraceThread.start("predump-inject")) {
      Gadgets gadgets = Gadgets.find(map, target);
      if (gadgets.syscall() == 0) {
        throw new TraceException(
            TraceException.Reason.NO_SYSCALL_INSTRUCTION,
            "inject into " + pid + ": no syscall instruction in its code");
      }
      for (int tid : tids) {
        if (mainHeld && tid == pid.number()) {
          unstopped = unstopped(unstopped, tid);
          continue;
        }
        Attempt attempt;
        try {
          boolean filtered = ProcStatus.readThread(pid, tid).seccompMode() != 0;
          attempt =
              new Attempt(
                  Tracee.of(tid, boundary),
                  filtered,
                  gadgets,
                  scratch,
                  plainBecause(tid, gadgets, scratch),
                  leftovers,
                  pidfd.number());
        } catch (SyscallException e) {
          if (isGone(e)) {
            continue;
          }
          throw e;
        }
        try (attempt.tracee) {
          mainHeld |=
              trace.call(
                  () -> {
                    rehearse(gadgets, scratch, attempt.scope.plainBecause(), leftovers);
                    boolean outlasts;
                    try (WaitingPlace place = WaitingPlace.choose(pid, tid);
                        StackGuard guard = guard(attempt)) {
                      attempt.tracee.waitAt(place);
                      attempt.scope.stackGuarded(guard.hold(), guard.stackPointer());
                      attempt.run();
                      outlasts = guard.outlastsScope();
                    }
                    attempt.tracee.next(Boundary.END);
                    return outlasts;
                  });
        } catch (SyscallException e) {
          // The thread ended; the process may live on.
          if (isGone(e)) {
            continue;
          }
          throw e;
        }
        if (attempt.outcome == Outcome.DONE) {
          return injected(attempt);
        }
        unstopped = unstopped(unstopped, tid);
      }
    } catch (SyscallException e) {
      if (e.is(Errno.ENOENT)) {
        throw new SyscallException(e.call(), Errno.ESRCH);
      }
      throw e;
    }
    if (unstopped.isEmpty()) {
      throw new SyscallException("inject into " + pid, Errno.ESRCH);
    }
    throw new TraceException(
        TraceException.Reason.NO_STOP,
        "inject into " + pid + ": no thread stopped in time: " + unstopped);
  }

  private String unstopped(String others, int tid) throws SyscallException {
    String separator = others.isEmpty() ? "" : ", ";
    return others + separator + tid + " (state " + ProcStatus.threadState(pid, tid) + ")";
  }

  /**
   * A main thread whose call would return EINTR is left in it: that it comes back just now is rare.
   */
  private StackGuard guard(Attempt attempt) throws IOException {
    boolean needed =
        form.guardsStack
            && attempt.scope.plainBecause().isEmpty()
            && attempt.tracee.tid() != pid.number()
            && ThreadChoice.stopsUnnoticed(pid, pid.number());
    return needed ? StackGuard.of(pid, boundary) : StackGuard.none(pid);
  }

  private static MemoryMap read(Pid live) throws SyscallException {
    try {
      return MemoryMap.read(live);
    } catch (SyscallException e) {
      throw e.is(Errno.ENOENT) ? new SyscallException(e.call(), Errno.ESRCH) : e;
    }
  }

  private static Scratch scratch(Pid live, MemoryMap map) throws SyscallException {
    try {
      return Scratch.find(live, map);
    } catch (SyscallException e) {
      throw e.is(Errno.ENOENT) ? new SyscallException(e.call(), Errno.ESRCH) : e;
    }
  }

  /** Returns why a thread cannot be given a way back of its own; empty if it can. */
  private String plainBecause(int tid, Gadgets gadgets, Scratch scratch) throws SyscallException {
    if (!form.crashSafe) {
      return "as a test wants it";
    }
    if (gadgets.syscallReturn() == 0) {
      return "no syscall; ret in its code";
    }
    if (gadgets.signalReturn() == 0) {
      return "no rt_sigreturn in its code";
    }
    if (scratch.start() == 0) {
      return "no room in its stack";
    }
    return ProcStatus.hasShadowStack(pid, tid) ? "it has a shadow stack" : "";
  }

  /** Does all of it on nobody, so that a stopped thread waits for no class to be loaded. */
  private void rehearse(Gadgets gadgets, Scratch scratch, String plainBecause, Leftovers leftovers)
      throws IOException {
    int before = warnings.size();
    for (int i = 0; i < REHEARSALS; i++) {
      Attempt attempt =
          new Attempt(Tracee.rehearsal(), false, gadgets, scratch, plainBecause, leftovers, -1);
      try (attempt.tracee) {
        attempt.run();
      } catch (SyscallException e) {
        // As it must: nobody's descriptor cannot be taken over.
      }
    }
    warnings.subList(before, warnings.size()).clear();
  }

  private static boolean isGone(SyscallException e) {
    return e.is(Errno.ESRCH) || e.is(Errno.ENOENT);
  }

  /** What could have happened in the plain form, and why it was taken. */
  static String notCrashSafe(String plainBecause) {
    return "the thread was stopped in plain form ("
        + plainBecause
        + "): had this program been killed in that moment, the target would have died";
  }

  private Injected injected(Attempt attempt) {
    String plainBecause = attempt.scope.plainBecause();
    if (!plainBecause.isEmpty()) {
      warnings.add(notCrashSafe(plainBecause));
    } else if (attempt.filtered) {
      warnings.add(
          "thread "
              + attempt.tracee.tid()
              + " has a seccomp filter: had this program been killed within 20 µs of that moment,"
              + " the filter would have seen userfaultfd, and may kill for it");
    }
    if (attempt.closedLeftovers > 0) {
      warnings.add(
          "closed in the target what killed injections left: userfaultfds="
              + attempt.closedLeftovers);
    }
    if (attempt.leftovers.unclear() > 0) {
      warnings.add(
          "the target has userfaultfds, not in use, left open as they may be its own: count="
              + attempt.leftovers.unclear());
    }
    if (attempt.interruptedCall) {
      warnings.add(
          "a system call of thread " + attempt.tracee.tid() + " returned EINTR to the target");
    }
    return new Injected(
        Fd.adopt((int) attempt.localFd, "userfaultfd of " + pid),
        attempt.tracee.tid(),
        attempt.stoppedNanos,
        plainBecause.isEmpty() && !attempt.filtered,
        warnings);
  }

  private Fd pidfd(Pid live) throws SyscallException {
    int flags = live.equals(pid) ? 0 : PIDFD_THREAD;
    long fd = LibC.syscall(LibC.SYS_PIDFD_OPEN, live.number(), flags, 0, 0, 0, 0);
    if (fd < 0) {
      throw new SyscallException("pidfd_open(" + live + ")", Errno.last());
    }
    return Fd.adopt((int) fd, "pidfd of " + live);
  }

  private enum Outcome {
    PENDING,
    DONE,
    NOT_STOPPED
  }

  /** One thread's turn. Made on the caller's thread, run on the tracing one. */
  private final class Attempt {
    final Tracee tracee;
    final RemoteSyscalls scope;
    final Leftovers leftovers;
    final boolean filtered;
    private final int pidfd;
    private final int options;

    Outcome outcome = Outcome.PENDING;
    long localFd = -1;
    long stoppedNanos;
    boolean interruptedCall;
    int closedLeftovers;

    Attempt(
        Tracee tracee,
        boolean filtered,
        Gadgets gadgets,
        Scratch scratch,
        String plainBecause,
        Leftovers leftovers,
        int pidfd) {
      this.pidfd = pidfd;
      this.filtered = filtered;
      this.options = Ptrace.O_TRACESYSGOOD | (filtered ? Ptrace.O_SUSPEND_SECCOMP : 0);
      this.tracee = tracee;
      this.leftovers = leftovers;
      this.scope = new RemoteSyscalls(tracee, gadgets, scratch, plainBecause, form);
    }

    void run() throws IOException {
      try {
        tracee.seize(options);
      } catch (SyscallException e) {
        throw refusal(e);
      }
      long start = System.nanoTime();
      boolean stopped = false;
      try {
        tracee.interrupt();
        int status = tracee.awaitEventStop(STOP_TIMEOUT_NANOS);
        if (status == Tracee.TIMED_OUT && ProcStatus.threadState(pid, tracee.tid()) == 'R') {
          // It lacks a processor, nothing else.
          status = tracee.awaitEventStop(STARVED_TIMEOUT_NANOS);
        }
        if (status == Tracee.TIMED_OUT) {
          outcome = Outcome.NOT_STOPPED;
          return;
        }
        if (status == Tracee.GONE) {
          throw new SyscallException("wait for thread " + tracee.tid(), Errno.ESRCH);
        }
        stopped = true;
        act();
      } finally {
        if (stopped) {
          detach();
        }
        stoppedNanos = System.nanoTime() - start;
      }
      outcome = Outcome.DONE;
    }

    private void act() throws IOException {
      long remoteFd;
      Errno taken = new Errno(0);
      long closed = 0;
      try (scope) {
        if (!scope.open()) {
          throw new TraceException(
              TraceException.Reason.IA32,
              "inject into " + pid + ": a 32-bit program, not supported");
        }
        interruptedCall = scope.savedInSyscall() && scope.savedResult() == -Errno.EINTR.number();
        closeLeftovers();
        scope.expectDescriptor();
        remoteFd =
            scope.call(
                LibC.SYS_USERFAULTFD, LibC.O_CLOEXEC | LibC.O_NONBLOCK | Uffdio.USER_MODE_ONLY, 0);
        scope.noteDescriptor(remoteFd);
        if (remoteFd >= 0) {
          tracee.next("pidfd_getfd");
          localFd = LibC.syscall(LibC.SYS_PIDFD_GETFD, pidfd, remoteFd, 0, 0, 0, 0);
          if (localFd < 0) {
            taken = Errno.last();
          }
          closed = scope.call(LibC.SYS_CLOSE, remoteFd, 0);
        }
      } catch (IOException | RuntimeException e) {
        if (localFd >= 0) {
          LibC.close((int) localFd);
          localFd = -1;
        }
        throw e;
      }
      if (remoteFd < 0) {
        throw new SyscallException(
            "userfaultfd() in thread " + tracee.tid() + " of " + pid, new Errno((int) -remoteFd));
      }
      if (localFd < 0) {
        throw new SyscallException("pidfd_getfd(" + pid + ", " + remoteFd + ")", taken);
      }
      if (closed < 0) {
        warnings.add("descriptor " + remoteFd + " stays open in the target until it execs");
      }
      if (scope.rseqAborted()) {
        warnings.add("a restartable sequence of thread " + tracee.tid() + " was restarted");
      }
    }

    private void closeLeftovers() throws SyscallException {
      for (int i = 0; i < leftovers.count(); i++) {
        if (leftovers.isStillThere(i) && scope.call(LibC.SYS_CLOSE, leftovers.number(i), 0) == 0) {
          closedLeftovers++;
        }
      }
      scope.clearOldMark(leftovers.unclear() == 0);
    }

    private void detach() {
      try {
        tracee.detach(0);
      } catch (SyscallException e) {
        // It was killed while stopped; there is nothing to let go of.
      }
    }

    private IOException refusal(SyscallException e) {
      String deed = "inject into " + pid + ": ";
      if (e.is(Errno.EINVAL) && filtered) {
        return seccompRefusal(deed, "kernel without CONFIG_CHECKPOINT_RESTORE");
      }
      if (!e.is(Errno.EPERM)) {
        return e;
      }
      IOException reason = Target.seizeRefusal(deed, pid, tracee.tid(), e);
      if (filtered
          && reason instanceof TraceException refused
          && refused.reason() == TraceException.Reason.NO_PERMISSION) {
        return seccompRefusal(deed, "needs CAP_SYS_ADMIN and no filter of our own");
      }
      return reason;
    }

    private TraceException seccompRefusal(String deed, String why) {
      return new TraceException(
          TraceException.Reason.SECCOMP,
          deed
              + "thread "
              + tracee.tid()
              + " has a seccomp filter, which cannot be suspended: "
              + why);
    }
  }
}
