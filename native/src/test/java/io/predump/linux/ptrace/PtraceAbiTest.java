package io.predump.linux.ptrace;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.linux.Errno;
import io.predump.linux.testkit.CProgram;
import java.io.IOException;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class PtraceAbiTest {
  @Test
  void offsetsAndConstantsAreThoseOfTheCompiler() throws IOException {
    Map<String, Long> ours = new TreeMap<>();
    String[] names =
        ("r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss"
                + " fs_base gs_base ds es fs gs")
            .split(" ", -1);
    int[] offsets = {
      Registers.R15,
      Registers.R14,
      Registers.R13,
      Registers.R12,
      Registers.RBP,
      Registers.RBX,
      Registers.R11,
      Registers.R10,
      Registers.R9,
      Registers.R8,
      Registers.RAX,
      Registers.RCX,
      Registers.RDX,
      Registers.RSI,
      Registers.RDI,
      Registers.ORIG_RAX,
      Registers.RIP,
      Registers.CS,
      Registers.EFLAGS,
      Registers.RSP,
      Registers.SS,
      Registers.FS_BASE,
      Registers.GS_BASE,
      Registers.DS,
      Registers.ES,
      Registers.FS,
      Registers.GS
    };
    for (int i = 0; i < names.length; i++) {
      ours.put("user_regs_struct." + names[i], (long) offsets[i]);
    }
    ours.put("user_regs_struct", (long) Registers.BYTES);
    ours.put("rseq_configuration_.rseq_abi_pointer", (long) Ptrace.RSEQ_ABI_POINTER);
    ours.put("rseq_configuration_", (long) Ptrace.RSEQ_CONFIGURATION_BYTES);
    ours.put("PTRACE_CONT", (long) Ptrace.CONT);
    ours.put("PTRACE_DETACH", (long) Ptrace.DETACH);
    ours.put("PTRACE_SYSCALL", (long) Ptrace.SYSCALL);
    ours.put("PTRACE_GETREGSET", (long) Ptrace.GETREGSET);
    ours.put("PTRACE_SETREGSET", (long) Ptrace.SETREGSET);
    ours.put("PTRACE_SEIZE", (long) Ptrace.SEIZE);
    ours.put("PTRACE_INTERRUPT", (long) Ptrace.INTERRUPT);
    ours.put("PTRACE_GETSIGMASK", (long) Ptrace.GETSIGMASK);
    ours.put("PTRACE_SETSIGMASK", (long) Ptrace.SETSIGMASK);
    ours.put("PTRACE_O_TRACESYSGOOD", (long) Ptrace.O_TRACESYSGOOD);
    ours.put("PTRACE_O_SUSPEND_SECCOMP", (long) Ptrace.O_SUSPEND_SECCOMP);
    ours.put("PTRACE_EVENT_STOP", (long) Ptrace.EVENT_STOP);
    ours.put("SYSCALL_STOP", (long) Ptrace.SYSCALL_STOP);
    ours.put("NT_X86_XSTATE", (long) Ptrace.NT_X86_XSTATE);
    ours.put("ucontext.uc_flags", (long) SignalFrame.UC_FLAGS);
    ours.put("ucontext.uc_mcontext", (long) SignalFrame.UC_MCONTEXT);
    ours.put("ucontext.uc_sigmask", (long) SignalFrame.UC_SIGMASK);
    ours.put("sigcontext.r8", (long) SignalFrame.SC_R8);
    ours.put("sigcontext.r9", (long) SignalFrame.SC_R9);
    ours.put("sigcontext.r10", (long) SignalFrame.SC_R10);
    ours.put("sigcontext.r11", (long) SignalFrame.SC_R11);
    ours.put("sigcontext.r12", (long) SignalFrame.SC_R12);
    ours.put("sigcontext.r13", (long) SignalFrame.SC_R13);
    ours.put("sigcontext.r14", (long) SignalFrame.SC_R14);
    ours.put("sigcontext.r15", (long) SignalFrame.SC_R15);
    ours.put("sigcontext.rdi", (long) SignalFrame.SC_RDI);
    ours.put("sigcontext.rsi", (long) SignalFrame.SC_RSI);
    ours.put("sigcontext.rbp", (long) SignalFrame.SC_RBP);
    ours.put("sigcontext.rbx", (long) SignalFrame.SC_RBX);
    ours.put("sigcontext.rdx", (long) SignalFrame.SC_RDX);
    ours.put("sigcontext.rax", (long) SignalFrame.SC_RAX);
    ours.put("sigcontext.rcx", (long) SignalFrame.SC_RCX);
    ours.put("sigcontext.rsp", (long) SignalFrame.SC_RSP);
    ours.put("sigcontext.rip", (long) SignalFrame.SC_RIP);
    ours.put("sigcontext.eflags", (long) SignalFrame.SC_EFLAGS);
    ours.put("sigcontext.cs", (long) SignalFrame.SC_CS);
    ours.put("sigcontext.ss", (long) SignalFrame.SC_SS);
    ours.put("sigcontext.fpstate", (long) SignalFrame.SC_FPSTATE);
    ours.put("fpx_sw.extended_size", (long) SignalFrame.SW_EXTENDED_SIZE);
    ours.put("fpx_sw.xfeatures", (long) SignalFrame.SW_XFEATURES);
    ours.put("fpx_sw.xstate_size", (long) SignalFrame.SW_XSTATE_SIZE);
    ours.put("FP_XSTATE_MAGIC1", (long) SignalFrame.FP_XSTATE_MAGIC1);
    ours.put("FP_XSTATE_MAGIC2", (long) SignalFrame.FP_XSTATE_MAGIC2);

    Map<String, Long> theirs = CProgram.resource(Errno.class, "abi.c").values();
    theirs
        .keySet()
        .removeIf(
            name ->
                !name.startsWith("PTRACE_")
                    && !name.startsWith("user_regs_struct")
                    && !name.startsWith("rseq_configuration_")
                    && !name.startsWith("ucontext.")
                    && !name.startsWith("sigcontext.")
                    && !name.startsWith("fpx_sw.")
                    && !name.startsWith("FP_XSTATE_")
                    && !name.startsWith("NT_")
                    && !name.equals("SYSCALL_STOP"));

    assertThat(ours).isEqualTo(theirs);
  }

  @Test
  void waitStatusesAreToldApart() {
    int eventStop = 0x80057f;
    int groupStop = 0x80137f;
    int syscallStop = 0x857f;
    int signalStop = 0x0a7f;

    assertThat(Tracee.isEventStop(eventStop)).isTrue();
    assertThat(Tracee.isEventStop(groupStop)).isTrue();
    assertThat(Tracee.isSyscallStop(syscallStop)).isTrue();
    assertThat(Tracee.signalToDeliver(signalStop)).isEqualTo(10);
    assertThat(Tracee.signalToDeliver(syscallStop)).isZero();
    assertThat(Tracee.signalToDeliver(groupStop)).isZero();
    assertThat(Tracee.isStop(0)).isFalse();
    assertThat(Tracee.isStop(9)).isFalse();
  }
}
