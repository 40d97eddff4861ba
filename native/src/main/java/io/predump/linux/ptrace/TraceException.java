package io.predump.linux.ptrace;

import java.io.IOException;

/** A target that cannot be traced, or did not stop. The message names target and reason. */
public final class TraceException extends IOException {
  private static final long serialVersionUID = 1;

  /** Why not. */
  public enum Reason {
    /** The target is this process. */
    SELF,
    /** The target is a child of this process: the JDK would swallow its stops. */
    OWN_CHILD,
    /** The target is the kernel's own. */
    KERNEL_THREAD,
    /** The target has no live thread. */
    NO_LIVE_THREAD,
    /** Somebody traces the target already. */
    TRACED,
    /** The right to trace the target is lacking. */
    NO_PERMISSION,
    /** The target's seccomp filter cannot be suspended. */
    SECCOMP,
    /** The target is a 32-bit program. */
    IA32,
    /** The target is frozen in a cgroup v1. */
    FROZEN_CGROUP,
    /** A thread did not stop in time. */
    NO_STOP,
    /** The target has no system call instruction that could be used. */
    NO_SYSCALL_INSTRUCTION
  }

  private final Reason reason;

  TraceException(Reason reason, String message) {
    super(message);
    this.reason = reason;
  }

  /** Returns why not. */
  public Reason reason() {
    return reason;
  }
}
