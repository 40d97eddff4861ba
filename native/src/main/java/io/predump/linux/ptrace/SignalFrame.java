package io.predump.linux.ptrace;

import java.nio.ByteBuffer;

/**
 * A signal frame as the kernel would have pushed it, arch/x86/include/asm/sigframe.h: {@code
 * rt_sigreturn} takes registers, floating point state and signal mask from it. It lies in the
 * target's stack while we act in one of its threads; a thread that we no longer hold comes to it by
 * itself. Byte offsets from its first byte, which is page aligned there:
 *
 * <pre>
 *   0    pretcode            where a ret goes to: rt_sigreturn
 *   8    struct ucontext     uc_flags, uc_link, uc_stack, uc_mcontext, uc_sigmask
 *   312  (siginfo, which rt_sigreturn does not read)
 *   384  our mark, see {@link Mark}
 *   512  fpstate             XSAVE area, standard format, 64-byte aligned, then FP_XSTATE_MAGIC2
 * </pre>
 *
 * {@code uc_stack} is all zero: too small an alternate stack is what rt_sigreturn ignores, so the
 * thread keeps the one it has.
 */
final class SignalFrame {
  static final int PRETCODE = 0;
  static final int UCONTEXT = 8;
  static final int MARK = 384;
  static final int FPSTATE = 512;

  /** Room for all of it: the largest state there is (AMX in use) takes 11,008 bytes. */
  static final int MAX_BYTES = 16 << 10;

  /** Room for its floating point state; a multiple of 8, or the kernel refuses to fill it. */
  static final int XSTATE_ROOM = MAX_BYTES - FPSTATE - Long.BYTES;

  /** Byte offsets in {@code struct ucontext}. */
  static final int UC_FLAGS = 0;

  static final int UC_MCONTEXT = 40;
  static final int UC_SIGMASK = 296;

  /** UC_FP_XSTATE, UC_SIGCONTEXT_SS, UC_STRICT_RESTORE_SS: what a 64-bit frame bears. */
  private static final long FLAGS = 1 | 2 | 4;

  /** Byte offsets in {@code struct sigcontext}, arch/x86/include/uapi/asm/sigcontext.h. */
  static final int SC_R8 = 0;

  static final int SC_R9 = 8;
  static final int SC_R10 = 16;
  static final int SC_R11 = 24;
  static final int SC_R12 = 32;
  static final int SC_R13 = 40;
  static final int SC_R14 = 48;
  static final int SC_R15 = 56;
  static final int SC_RDI = 64;
  static final int SC_RSI = 72;
  static final int SC_RBP = 80;
  static final int SC_RBX = 88;
  static final int SC_RDX = 96;
  static final int SC_RAX = 104;
  static final int SC_RCX = 112;
  static final int SC_RSP = 120;
  static final int SC_RIP = 128;
  static final int SC_EFLAGS = 136;
  static final int SC_CS = 144;
  static final int SC_SS = 150;
  static final int SC_FPSTATE = 184;

  /** {@code struct _fpx_sw_bytes} in the legacy area, and {@code struct xregs_state}'s header. */
  static final int SW_RESERVED = 464;

  static final int SW_EXTENDED_SIZE = 4;
  static final int SW_XFEATURES = 8;
  static final int SW_XSTATE_SIZE = 16;

  private static final int SW_BYTES = 48;
  private static final int XSTATE_BV = 512;
  private static final int MIN_XSTATE_BYTES = 576;

  static final int FP_XSTATE_MAGIC1 = 0x46505853;
  static final int FP_XSTATE_MAGIC2 = 0x46505845;

  /**
   * AMX tile data, the one component that a thread has room for only once it asked. ptrace delivers
   * it always, as zeros; but rt_sigreturn takes a frame larger than the thread's own room for one
   * without extended state, and AVX would be lost with it (measured). Its offset in the standard
   * format, CPUID leaf 0xd.
   */
  private static final long XTILE_DATA = 1L << 18;

  private static final int XTILE_DATA_OFFSET = 2816;

  /** The kernel's restart codes, include/linux/errno.h, as a stop shows them. */
  private static final int ERESTARTSYS = 512;

  private static final int ERESTARTNOINTR = 513;
  private static final int ERESTARTNOHAND = 514;
  private static final int ERESTART_RESTARTBLOCK = 516;
  private static final int EINTR = 4;
  private static final int SYSCALL_BYTES = 2;

  private static final int[] SOURCES = {
    Registers.R8, Registers.R9, Registers.R10, Registers.R11,
    Registers.R12, Registers.R13, Registers.R14, Registers.R15,
    Registers.RDI, Registers.RSI, Registers.RBP, Registers.RBX,
    Registers.RDX, Registers.RAX, Registers.RCX, Registers.RSP,
    Registers.RIP, Registers.EFLAGS
  };

  private SignalFrame() {}

  /**
   * Completes a frame whose floating point state is in place, as NT_X86_XSTATE delivers it.
   *
   * @param bytes where the frame is built
   * @param at its first byte there
   * @param xstateBytes length of the floating point state
   * @param remote address of its first byte in the target
   * @param signalReturn see {@link Gadgets}
   * @param saved the registers to go back to
   * @param mask the signal mask to go back to
   * @return the frame's length in bytes; 0 if the floating point state is none we know
   */
  static int complete(
      ByteBuffer bytes,
      int at,
      int xstateBytes,
      long remote,
      long signalReturn,
      Registers saved,
      long mask) {
    int fpstate = at + FPSTATE;
    // Where the kernel's ptrace puts XCR0, and its signal frame the sizes.
    long features = bytes.getLong(fpstate + SW_RESERVED);
    int size = xstateBytes;
    if (size < MIN_XSTATE_BYTES || size >= XSTATE_ROOM || (features & 3) != 3) {
      return 0;
    }
    if ((features & XTILE_DATA) != 0
        && (bytes.getLong(fpstate + XSTATE_BV) & XTILE_DATA) == 0
        && size > XTILE_DATA_OFFSET) {
      features &= ~XTILE_DATA;
      size = XTILE_DATA_OFFSET;
    }
    for (int i = 0; i < SW_BYTES; i += Long.BYTES) {
      bytes.putLong(fpstate + SW_RESERVED + i, 0);
    }
    bytes.putInt(fpstate + SW_RESERVED, FP_XSTATE_MAGIC1);
    bytes.putInt(fpstate + SW_RESERVED + SW_EXTENDED_SIZE, size + Integer.BYTES);
    bytes.putLong(fpstate + SW_RESERVED + SW_XFEATURES, features);
    bytes.putInt(fpstate + SW_RESERVED + SW_XSTATE_SIZE, size);
    bytes.putInt(fpstate + size, FP_XSTATE_MAGIC2);

    bytes.putLong(at + PRETCODE, signalReturn);
    bytes.putLong(at + UCONTEXT + UC_FLAGS, FLAGS);
    bytes.putLong(at + UCONTEXT + UC_SIGMASK, mask);
    int context = at + UCONTEXT + UC_MCONTEXT;
    for (int i = 0; i < SOURCES.length; i++) {
      bytes.putLong(context + i * Long.BYTES, saved.get(SOURCES[i]));
    }
    bytes.putShort(context + SC_CS, (short) saved.get(Registers.CS));
    bytes.putShort(context + SC_SS, (short) saved.get(Registers.SS));
    bytes.putLong(context + SC_FPSTATE, remote + FPSTATE);
    restart(bytes, context, saved);
    return FPSTATE + size + Integer.BYTES;
  }

  /**
   * Does by hand what the kernel does when a thread leaves a stop: after rt_sigreturn it will not.
   * A call that would resume a timeout cannot, rt_sigreturn has it forgotten: it says EINTR.
   */
  private static void restart(ByteBuffer bytes, int context, Registers saved) {
    if (saved.get(Registers.ORIG_RAX) < 0) {
      return;
    }
    switch ((int) -saved.get(Registers.RAX)) {
      case ERESTARTSYS, ERESTARTNOINTR, ERESTARTNOHAND -> {
        bytes.putLong(context + SC_RAX, saved.get(Registers.ORIG_RAX));
        bytes.putLong(context + SC_RIP, saved.get(Registers.RIP) - SYSCALL_BYTES);
      }
      case ERESTART_RESTARTBLOCK -> bytes.putLong(context + SC_RAX, -EINTR);
      default -> {}
    }
  }
}
