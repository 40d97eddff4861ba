package io.predump.linux.ptrace;

/**
 * Requests, options and stop codes of ptrace(2), include/uapi/linux/ptrace.h; the newest is {@link
 * #GET_RSEQ_CONFIGURATION}, Linux 5.13.
 */
final class Ptrace {
  static final int CONT = 7;
  static final int DETACH = 17;
  static final int SYSCALL = 24;
  static final int GETREGSET = 0x4204;
  static final int SETREGSET = 0x4205;
  static final int SEIZE = 0x4206;
  static final int INTERRUPT = 0x4207;
  static final int GETSIGMASK = 0x420a;
  static final int SETSIGMASK = 0x420b;
  static final int GET_RSEQ_CONFIGURATION = 0x420f;

  static final int O_TRACESYSGOOD = 1;
  static final int O_SUSPEND_SECCOMP = 1 << 21;

  static final int EVENT_STOP = 128;

  /** The stop signal of a system call stop under TRACESYSGOOD: {@code SIGTRAP | 0x80}. */
  static final int SYSCALL_STOP = 0x85;

  static final int NT_PRSTATUS = 1;
  static final int NT_X86_XSTATE = 0x202;

  /** The kernel's {@code sizeof(sigset_t)}: what GETSIGMASK wants as its address. */
  static final int SIGSET_BYTES = 8;

  /** Byte offsets in {@code struct ptrace_rseq_configuration}. */
  static final int RSEQ_ABI_POINTER = 0;

  static final int RSEQ_ABI_SIZE = 8;

  static final int RSEQ_CONFIGURATION_BYTES = 24;

  private Ptrace() {}

  static String name(int request) {
    return switch (request) {
      case CONT -> "PTRACE_CONT";
      case DETACH -> "PTRACE_DETACH";
      case SYSCALL -> "PTRACE_SYSCALL";
      case GETREGSET -> "PTRACE_GETREGSET";
      case SETREGSET -> "PTRACE_SETREGSET";
      case SEIZE -> "PTRACE_SEIZE";
      case INTERRUPT -> "PTRACE_INTERRUPT";
      case GETSIGMASK -> "PTRACE_GETSIGMASK";
      case SETSIGMASK -> "PTRACE_SETSIGMASK";
      case GET_RSEQ_CONFIGURATION -> "PTRACE_GET_RSEQ_CONFIGURATION";
      default -> "PTRACE_0x" + Integer.toHexString(request);
    };
  }
}
