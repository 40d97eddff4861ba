package io.predump.linux.ptrace;

import io.predump.linux.Errno;
import io.predump.linux.LibC;
import io.predump.linux.SyscallException;
import java.util.concurrent.TimeUnit;

/**
 * System calls made in a stopped thread of another process: a scope that saves registers and signal
 * mask when it opens and puts everything back when it closes, whatever happened in between.
 *
 * <p>If it can, it also gives the thread a way back of its own: a {@link SignalFrame}, and
 * registers that lead there after whatever call they make. Then this program may be killed at any
 * moment. If it cannot, {@link #plainBecause()} says why, and being killed before the scope is
 * closed is the end of the target.
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

  private static final int FRAME = LibC.PAGE_BYTES;
  private static final int BEFORE = FRAME + SignalFrame.MAX_BYTES;

  /** Zeros with a mark that tells of nothing: scratch memory that was never used otherwise. */
  private static final int CLEAN = BEFORE + SignalFrame.MAX_BYTES;

  /** What lies there now. */
  private static final int NOW = CLEAN + SignalFrame.MAX_BYTES;

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
  private final Gadgets gadgets;
  private final Scratch scratch;
  private final UserfaultfdInjection.Form form;
  private final Registers saved;
  private final Registers working;
  private String plainBecause;
  private long ownersPointer;
  private int frameBytes;
  private boolean leavesClean;
  private long savedMask;
  private boolean rseqAborted;
  private State state = State.CLOSED;

  /**
   * Prepares the scope.
   *
   * @param tracee the thread; borrowed
   * @param gadgets code of its process; the first is needed
   * @param scratch where the way back is to lie
   * @param plainBecause why there shall be no way back; empty if there shall
   * @param form what is left out, to show what goes wrong without
   */
  RemoteSyscalls(
      Tracee tracee,
      Gadgets gadgets,
      Scratch scratch,
      String plainBecause,
      UserfaultfdInjection.Form form) {
    this.tracee = tracee;
    this.gadgets = gadgets;
    this.scratch = scratch;
    this.plainBecause = plainBecause;
    this.form = form;
    this.saved = new Registers(tracee.memory(), SAVED);
    this.working = new Registers(tracee.memory(), WORKING);
    Mark.clear(tracee.bytes(), CLEAN + SignalFrame.MARK);
  }

  /**
   * Says what the thread that the stack belongs to can do meanwhile, if it is another one.
   *
   * @param why it may use its stack: then there is no way back; empty if it cannot
   * @param stackPointer where it is on it; 0 if that is not known
   */
  void stackGuarded(String why, long stackPointer) {
    if (plainBecause.isEmpty()) {
      plainBecause = why;
    }
    ownersPointer = stackPointer;
  }

  /**
   * Saves the thread's state, prepares its way back and blocks its signals.
   *
   * @return false, with nothing changed, if it is a 32-bit program
   * @throws SyscallException ESRCH if the thread has ended; EFAULT, with nothing changed, if the
   *     code is not what it was: the program has made an exec
   */
  boolean open() throws SyscallException {
    int bytes = tracee.registers(saved);
    if (bytes != Registers.BYTES || saved.get(Registers.CS) == Registers.USER32_CS) {
      return false;
    }
    savedMask = tracee.signalMask();
    if (form.repairRseq()) {
      leaveCriticalSection();
    }
    if (plainBecause.isEmpty()) {
      plainBecause = writeFrame();
    }
    if (frameBytes == 0 && !holds(gadgets.syscall(), Gadgets.SYSCALL)) {
      throw new SyscallException("code of thread " + tracee.tid(), Errno.EFAULT);
    }
    state = State.EVENT_STOP;
    if (plainBecause.isEmpty()) {
      // Before the mask: a thread that we lose from here on gets it back from the frame.
      working.copyFrom(saved);
      working.set(Registers.ORIG_RAX, -1);
      working.set(Registers.RIP, gadgets.signalReturn());
      working.set(Registers.RSP, scratch.start() + SignalFrame.UCONTEXT);
      tracee.setRegisters(working);
    }
    tracee.setSignalMask(ALL_SIGNALS);
    return true;
  }

  /** Writes the frame into the target. Returns why it cannot be, or nothing. */
  private String writeFrame() {
    if (!holds(gadgets.syscallReturn(), Gadgets.SYSCALL_RETURN)
        || !holds(gadgets.signalReturn(), Gadgets.SIGNAL_RETURN)) {
      return "its code has changed";
    }
    int xstateBytes = tracee.floatingPoint(FRAME + SignalFrame.FPSTATE, SignalFrame.XSTATE_ROOM);
    int bytes =
        SignalFrame.complete(
            tracee.bytes(),
            FRAME,
            xstateBytes,
            scratch.start(),
            gadgets.signalReturn(),
            saved,
            savedMask);
    if (bytes == 0) {
      return "its floating point state is of an unknown form";
    }
    if (!tracee.read(BEFORE, scratch.start(), bytes)) {
      return "the bottom of its stack cannot be read";
    }
    if (!mayUse(bytes)) {
      return "the bottom of its stack is in use";
    }
    Mark.start(tracee.bytes(), FRAME + SignalFrame.MARK, BEFORE + SignalFrame.MARK);
    if (!tracee.write(FRAME, scratch.start(), bytes)) {
      tracee.write(BEFORE, scratch.start(), bytes);
      return "the bottom of its stack cannot be written";
    }
    frameBytes = bytes;
    return "";
  }

  /**
   * Decides whether the memory just saved is nobody's. A stopped thread on that stack has nothing
   * far below its pointer. If the stopped thread is elsewhere, a goroutine or not the main thread,
   * the memory may be in use however it looks, unless nobody but us ever touched it, and the {@link
   * StackGuard} sees to it that nobody does.
   */
  private boolean mayUse(int bytes) {
    long stackPointer = saved.get(Registers.RSP);
    if (scratch.isOnThisStack(stackPointer)) {
      return scratch.isFarBelow(stackPointer, bytes);
    }
    if (scratch.isOnThisStack(ownersPointer) && !scratch.isFarBelow(ownersPointer, bytes)) {
      return false;
    }
    long before = tracee.memory().address() + BEFORE;
    long clean = tracee.memory().address() + CLEAN;
    if (Mark.isAt(tracee.bytes(), BEFORE + SignalFrame.MARK)) {
      return tracee.bytes().getLong(BEFORE + SignalFrame.PRETCODE) == gadgets.signalReturn()
          || LibC.memcmp(before, clean, bytes) == 0;
    }
    int rest = SignalFrame.MARK + Mark.BYTES;
    leavesClean =
        scratch.untouched()
            && LibC.memcmp(before, clean, SignalFrame.MARK) == 0
            && LibC.memcmp(before + rest, clean + rest, bytes - rest) == 0;
    return leavesClean || tracee.isRehearsal();
  }

  private boolean holds(long remoteAddress, byte[] code) {
    if (!tracee.read(REMOTE, remoteAddress, code.length)) {
      return false;
    }
    for (int i = 0; i < code.length; i++) {
      if (tracee.bytes().get(REMOTE + i) != code[i]) {
        return tracee.isRehearsal();
      }
    }
    return true;
  }

  /** Returns why the thread has no way back of its own; empty if it has. */
  String plainBecause() {
    return plainBecause;
  }

  /** Notes in the target, if it has a frame, that the next call opens a descriptor. */
  void expectDescriptor() {
    if (frameBytes != 0 && isStillThere()) {
      Mark.addUnknown(tracee.bytes(), FRAME + SignalFrame.MARK, 1);
      writeMark();
    }
  }

  /** Notes in the target which one it was, or that it was none if negative. */
  void noteDescriptor(long descriptor) {
    if (frameBytes != 0 && isStillThere()) {
      Mark.addUnknown(tracee.bytes(), FRAME + SignalFrame.MARK, -1);
      if (descriptor >= 0) {
        Mark.addKnown(tracee.bytes(), FRAME + SignalFrame.MARK, (int) descriptor);
      }
      writeMark();
    }
  }

  /**
   * {@return whether the frame lies there as we wrote it} On a stack that is not the stopped
   * thread's own, somebody else may have come as deep after all, and then it is his.
   */
  private boolean isStillThere() {
    if (!form.looksAgain() || scratch.isOnThisStack(saved.get(Registers.RSP))) {
      return true;
    }
    long local = tracee.memory().address();
    return tracee.read(NOW, scratch.start(), frameBytes)
        && (LibC.memcmp(local + NOW, local + FRAME, frameBytes) == 0 || tracee.isRehearsal());
  }

  private void writeMark() {
    tracee.write(FRAME + SignalFrame.MARK, scratch.start() + SignalFrame.MARK, Mark.BYTES);
  }

  /**
   * Says that the descriptors an earlier injection's mark knows are closed, and with {@code all}
   * that so are those it does not: then it may go.
   */
  void clearOldMark(boolean all) {
    if (frameBytes != 0 && Mark.isAt(tracee.bytes(), BEFORE + SignalFrame.MARK)) {
      leavesClean |= all;
      Mark.clearKnown(tracee.bytes(), BEFORE + SignalFrame.MARK);
    }
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
    // What the kernel cannot read either it will end the process for.
    return tracee.read(REMOTE, remoteAddress, bytes) ? tracee.bytes().getLong(REMOTE + offset) : 0;
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
    if (frameBytes != 0) {
      working.set(Registers.RIP, gadgets.syscallReturn());
      working.set(Registers.RSP, scratch.start());
    } else {
      // Without a ret behind it: killed here, the target dies rather than going on wrongly.
      working.set(Registers.RIP, gadgets.syscall());
    }
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
   * Puts mask, registers and scratch memory back. Afterwards the thread is at a PTRACE_EVENT_STOP
   * and may be let go.
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
    if (frameBytes != 0 && isStillThere()) {
      // Dead memory below the stack: if it cannot be written, it has been unmapped.
      tracee.write(leavesClean ? CLEAN : BEFORE, scratch.start(), frameBytes);
    }
    state = State.CLOSED;
  }
}
