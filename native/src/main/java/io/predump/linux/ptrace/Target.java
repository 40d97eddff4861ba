package io.predump.linux.ptrace;

import io.predump.linux.Errno;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.proc.Cgroups;
import io.predump.linux.proc.ProcStatus;
import java.io.IOException;
import java.util.Optional;

/** The checks before a process is traced, each with a reason in words. */
final class Target {
  private Target() {}

  /**
   * Refuses what cannot be traced.
   *
   * @param what the deed, for the message: {@code inject into}, {@code freeze}
   * @return the process's status
   */
  static ProcStatus check(String what, Pid pid) throws IOException {
    String deed = what + " " + pid + ": ";
    ProcStatus status;
    try {
      status = ProcStatus.read(pid);
    } catch (SyscallException e) {
      throw gone(what, pid, e);
    }
    Pid self = Pid.self();
    if (status.threadGroup() == self.number()) {
      throw new TraceException(TraceException.Reason.SELF, deed + "that is this process");
    }
    if (status.parent() == self.number()) {
      throw new TraceException(
          TraceException.Reason.OWN_CHILD,
          deed + "a child of this process, whose stops the JVM would swallow");
    }
    if (status.kernelThread()) {
      throw new TraceException(
          TraceException.Reason.KERNEL_THREAD, deed + "a kernel thread, name=" + status.name());
    }
    if (status.tracerPid() != 0) {
      throw traced(deed, status.tracerPid());
    }
    Optional<String> frozen;
    try {
      frozen = Cgroups.of(pid).frozenV1();
    } catch (SyscallException e) {
      throw gone(what, pid, e);
    }
    if (frozen.isPresent()) {
      throw new TraceException(
          TraceException.Reason.FROZEN_CGROUP,
          deed + "frozen in cgroup v1, where it never stops: " + frozen.get());
    }
    return status;
  }

  /** A process that is not there, or not any more, is ESRCH, whichever file of its was missing. */
  private static SyscallException gone(String what, Pid pid, SyscallException e) {
    return e.is(Errno.ENOENT) ? new SyscallException(what + " " + pid, Errno.ESRCH) : e;
  }

  static TraceException traced(String deed, int tracerPid) {
    return new TraceException(
        TraceException.Reason.TRACED, deed + "already traced by pid " + tracerPid);
  }

  /** Says what an EPERM from SEIZE means; null if the thread has just ended. */
  static IOException seizeRefusal(String deed, Pid pid, int tid, SyscallException refusal) {
    try {
      ProcStatus thread = ProcStatus.readThread(pid, tid);
      if (thread.isDead()) {
        return new SyscallException(refusal.call(), Errno.ESRCH);
      }
      if (thread.tracerPid() != 0) {
        return traced(deed, thread.tracerPid());
      }
    } catch (SyscallException e) {
      return new SyscallException(refusal.call(), Errno.ESRCH);
    }
    TraceException lacking =
        new TraceException(
            TraceException.Reason.NO_PERMISSION,
            deed + "no right to trace thread " + tid + ", needs CAP_SYS_PTRACE");
    lacking.initCause(refusal);
    return lacking;
  }
}
