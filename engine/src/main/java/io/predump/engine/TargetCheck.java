package io.predump.engine;

import io.predump.engine.TargetRefusedException.Kind;
import io.predump.linux.Errno;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.proc.Cgroups;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.proc.ProcessTree;
import java.io.IOException;
import java.util.Optional;

/** Refuses what cannot be a target, before anything is touched, and says why. */
final class TargetCheck {
  private TargetCheck() {}

  /**
   * Checks a process.
   *
   * @return its status
   * @throws TargetRefusedException with the reason
   */
  static ProcStatus check(Pid pid) throws IOException {
    ProcStatus status;
    try {
      status = ProcStatus.read(pid);
    } catch (SyscallException e) {
      if (e.is(Errno.ENOENT) || e.is(Errno.ESRCH)) {
        throw refuse(Kind.USAGE, "no process with pid=" + pid.number());
      }
      throw e;
    }
    String named = "pid=" + pid.number() + " (" + status.name() + ")";
    if (status.threadGroup() != pid.number()) {
      throw refuse(
          Kind.USAGE, named + " is a thread of pid=" + status.threadGroup() + ": name the process");
    }
    if (pid.equals(Pid.self())) {
      throw refuse(Kind.USAGE, named + " is this very process: it cannot stop itself");
    }
    if (ProcessTree.isOwnChild(pid)) {
      throw refuse(
          Kind.USAGE,
          named
              + " is a child of this process: the Java runtime waits for its children and would"
              + " swallow their stops; start it through something that exits");
    }
    if (status.kernelThread()) {
      throw refuse(Kind.USAGE, named + " is a kernel thread: it has no memory of its own");
    }
    Optional<Pid> thread = LiveThread.of(pid);
    if (thread.isEmpty()) {
      throw refuse(Kind.EXITED, named + " has exited: no live thread is left");
    }
    if (status.tracerPid() != 0) {
      throw refuse(
          Kind.LACKING,
          named + " is already traced by pid=" + status.tracerPid() + tracerName(status));
    }
    Cgroups cgroups = Cgroups.of(pid);
    requireThawed(named, "v1", cgroups.frozenV1());
    requireThawed(named, "v2", cgroups.frozenV2());
    requireRightToTrace(thread.get(), named);
    return status;
  }

  /** A frozen thread makes no call for us. */
  private static void requireThawed(String named, String version, Optional<String> frozen)
      throws TargetRefusedException {
    if (frozen.isPresent()) {
      throw refuse(
          Kind.LACKING,
          named + " sits in the frozen cgroup " + version + " " + frozen.get() + ": thaw it first");
    }
  }

  private static String tracerName(ProcStatus status) {
    try {
      return " (" + ProcStatus.read(new Pid(status.tracerPid())).name() + ")";
    } catch (SyscallException e) {
      return "";
    }
  }

  /** Reading the auxiliary vector needs the very right that everything after it needs. */
  private static void requireRightToTrace(Pid pid, String named) throws IOException {
    try {
      ProcStatus.auxiliaryVector(pid);
    } catch (SyscallException e) {
      if (e.is(Errno.EACCES) || e.is(Errno.EPERM)) {
        throw refuse(
            Kind.LACKING, named + " belongs to another user: run as root, or with CAP_SYS_PTRACE");
      }
      if (e.is(Errno.ESRCH) || e.is(Errno.ENOENT)) {
        throw refuse(Kind.EXITED, named + " has exited");
      }
      throw e;
    }
  }

  private static TargetRefusedException refuse(Kind kind, String message) {
    return new TargetRefusedException(kind, message);
  }
}
