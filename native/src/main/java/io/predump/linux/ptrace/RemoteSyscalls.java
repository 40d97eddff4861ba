package io.predump.linux.ptrace;

import io.predump.linux.Errno;
import io.predump.linux.SyscallException;
import io.predump.linux.mem.ProcessMemory;
import java.util.concurrent.TimeUnit;

/**
 * System calls made in a stopped thread of another process: a scope that saves registers and signal
 * mask when it opens and puts everything back when it closes, whatever happened in between.
 *
 * <p>Prepared before the thread is stopped, {@link #open()}ed at its PTRACE_EVENT_STOP, closed at
 * another one, ready to detach. On the {@link TraceThread} only.
 */
final class RemoteSyscalls implements AutoCloseable {
  private static final long ALL_SIGNALS = -1;
  private static final int MAX_STRAY_STOPS = 64;

  /** How long a call may take. It cannot be left alone half way: that would kill the target. */
  private static final long CALL_TIMEOUT_NANOS = TimeUnit.SECONDS.toNanos(10);

  /** {@code struct rseq}: cpu_id_start, cpu_id, rseq_cs. */
  private static final int RSEQ_CS_POINTER = 8;

  /** Byte offsets in {@code struct rseq_cs}, include/uapi/linux/rseq.h, Linux 4.18. */
  private static final int CS_START_IP = 8;

  private static final int CS_POST_COMMIT_OFFSET = 16;
  private static final int CS_ABORT_IP = 24;
  private static final int CS_BYTES = 32;

  private static final int SAVED = 512;
  private static final int WORKING = 768;
  private static final int REMOTE = 1024;

  private enum State {
    CLOSED,
    /** At the PTRACE_EVENT_STOP where it was opened; nothing but the mask may have changed. */
    EVENT_STOP,
    /** At the entry or exit of a call of ours. */
    SYSCALL_STOP,
    /** Let go towards its next stop. */
    RUNNING,
    GONE
  }

  private final Tracee tracee;
  private final ProcessMemory target;
  private final long syscallInstruction;
  private final boolean repairRseq;
  private final Registers saved;
  private final Registers working;
  private long savedMask;
  private boolean rseqAborted;
  private State state = State.CLOSED;

  /**
   * Prepares the scope.
   *
   * @param tracee the thread; borrowed
   * @param target the memory of its process, for this thread alone; borrowed
   * @param syscallInstruction address of a {@code syscall} instruction there
   * @param repairRseq false only to show what goes wrong without
   */
  RemoteSyscalls(Tracee tracee, ProcessMemory target, long syscallInstruction, boolean repairRseq) {
    this.tracee = tracee;
    this.target = target;
    this.syscallInstruction = syscallInstruction;
    this.repairRseq = repairRseq;
    this.saved = new Registers(tracee.memory(), SAVED);
    this.working = new Registers(tracee.memory(), WORKING);
  }

  /**
   * Saves the thread's state and blocks its signals.
   *
   * @return false, with nothing changed, if it is a 32-bit program
   */
  boolean open() throws SyscallException {
    int bytes = tracee.registers(saved);
    if (bytes != Registers.BYTES || saved.get(Registers.CS) == Registers.USER32_CS) {
      return false;
    }
    savedMask = tracee.signalMask();
    if (repairRseq) {
      leaveCriticalSection();
    }
    state = State.EVENT_STOP;
    tracee.setSignalMask(ALL_SIGNALS);
    return true;
  }

  /** Makes the saved instruction pointer what the kernel would make it: the abort address. */
  private void leaveCriticalSection() {
    long rseq = tracee.rseqAddress();
    if (rseq == 0) {
      return;
    }
    long section = remoteLong(rseq + RSEQ_CS_POINTER, Long.BYTES, 0);
    if (section == 0) {
      return;
    }
    if (remoteLong(section, CS_BYTES, CS_START_IP) == 0) {
      return;
    }
    long start = tracee.bytes().getLong(REMOTE + CS_START_IP);
    long length = tracee.bytes().getLong(REMOTE + CS_POST_COMMIT_OFFSET);
    if (Long.compareUnsigned(saved.get(Registers.RIP) - start, length) < 0) {
      saved.set(Registers.RIP, tracee.bytes().getLong(REMOTE + CS_ABORT_IP));
      rseqAborted = true;
    }
  }

  /** Reads bytes of the target and returns the long at {@code offset} of them; 0 if unreadable. */
  private long remoteLong(long remoteAddress, int bytes, int offset) {
    try {
      long read = target.readv(tracee.memory().address() + REMOTE, remoteAddress, bytes);
      return read == bytes ? tracee.bytes().getLong(REMOTE + offset) : 0;
    } catch (SyscallException e) {
      // The kernel could not read it either, and will end the process for it.
      return 0;
    }
  }

  /** Returns whether the thread was in a restartable sequence and will restart it. */
  boolean rseqAborted() {
    return rseqAborted;
  }

  /** Returns what the interrupted system call will return or restart with; its negated errno. */
  long savedResult() {
    return saved.get(Registers.RAX);
  }

  /** Returns whether the thread was stopped within a system call. */
  boolean savedInSyscall() {
    return saved.get(Registers.ORIG_RAX) >= 0;
  }

  /**
   * Makes a system call in the thread.
   *
   * @return what it returns: a value, or a negated errno
   * @throws SyscallException ESRCH if the thread has ended
   */
  long call(long number, long first, long second) throws SyscallException {
    if (state != State.EVENT_STOP && state != State.SYSCALL_STOP) {
      throw new IllegalStateException("no call possible, state=" + state);
    }
    working.copyFrom(saved);
    working.set(Registers.RAX, number);
    working.set(Registers.ORIG_RAX, -1);
    working.set(Registers.RDI, first);
    working.set(Registers.RSI, second);
    working.set(Registers.RDX, 0);
    working.set(Registers.RIP, syscallInstruction);
    tracee.setRegisters(working);
    proceedToSyscallStop();
    proceedToSyscallStop();
    tracee.registers(working);
    return working.get(Registers.RAX);
  }

  private void proceedToSyscallStop() throws SyscallException {
    int signal = 0;
    for (int stops = 0; stops < MAX_STRAY_STOPS; stops++) {
      state = State.RUNNING;
      tracee.proceedToSyscall(signal);
      int status = tracee.awaitStop(CALL_TIMEOUT_NANOS);
      if (status < 0) {
        throw lost(status);
      }
      state = State.SYSCALL_STOP;
      if (Tracee.isSyscallStop(status)) {
        return;
      }
      // A group stop's trap, or SIGSTOP itself, the one signal that cannot be blocked.
      signal = Tracee.signalToDeliver(status);
    }
    throw new SyscallException("system call in thread " + tracee.tid(), Errno.EINTR);
  }

  private SyscallException lost(int status) {
    String call = "wait for thread " + tracee.tid();
    if (status == Tracee.GONE) {
      state = State.GONE;
      return new SyscallException(call, Errno.ESRCH);
    }
    return new SyscallException(call, Errno.ETIMEDOUT);
  }

  /**
   * Puts mask and registers back. Afterwards the thread is at a PTRACE_EVENT_STOP and may be let
   * go.
   *
   * @throws SyscallException ESRCH if the thread has ended
   */
  @Override
  public void close() throws SyscallException {
    if (state == State.CLOSED || state == State.GONE) {
      return;
    }
    if (state != State.EVENT_STOP) {
      tracee.interrupt();
      if (state == State.SYSCALL_STOP) {
        state = State.RUNNING;
        tracee.proceed(0);
      }
      int status = tracee.awaitEventStop(CALL_TIMEOUT_NANOS);
      if (status < 0) {
        throw lost(status);
      }
      state = State.EVENT_STOP;
    }
    tracee.setSignalMask(savedMask);
    tracee.setRegisters(saved);
    state = State.CLOSED;
  }
}
