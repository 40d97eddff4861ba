package io.predump.linux.ptrace;

import io.predump.linux.Errno;
import io.predump.linux.LibC;
import io.predump.linux.NativeBuffer;
import io.predump.linux.SyscallException;
import java.nio.ByteBuffer;
import java.util.concurrent.locks.LockSupport;

/**
 * One thread of another process, seized. All methods run on the {@link TraceThread} that seized it;
 * none allocates unless it fails. Closing frees the scratch memory, it does not detach.
 */
public final class Tracee implements AutoCloseable {
  /** {@link #awaitStop} result: the thread has ended. */
  static final int GONE = -1;

  /** {@link #awaitStop} result: the thread did not stop in time. */
  static final int TIMED_OUT = -2;

  /**
   * For so long a wait yields: a processor that fell asleep may take longer to wake than a stop.
   */
  private static final long YIELD_NANOS = 500_000;

  private static final long PARK_NANOS = 20_000;

  private static final int STATUS = 0;
  private static final int IOVEC = 16;
  private static final int SIGMASK = 32;
  private static final int RSEQ_CONFIGURATION = 64;

  private static final int XSTATE_IOVEC = 96;
  private static final int LOCAL_IOVEC = 112;
  private static final int REMOTE_IOVEC = 128;

  /** First byte of the scratch memory that users of the class may have. */
  static final int FREE = 256;

  /**
   * A page for all sorts of things, a signal frame, what was where it goes, zeros, what is there.
   */
  private static final int BYTES = LibC.PAGE_BYTES + 4 * SignalFrame.MAX_BYTES;

  /** As long as the floating point state of most machines. */
  private static final int REHEARSED_XSTATE_BYTES = 2696;

  /** Above every pid there can be: requests on it fail with ESRCH, waiting with ECHILD. */
  private static final int NOBODY = Integer.MAX_VALUE;

  private static final int REHEARSED_EVENT_STOP = 0x80057f;
  private static final int REHEARSED_SYSCALL_STOP = 0x857f;

  /** The stop that the last request would lead to; 0 if this is no rehearsal. */
  private int rehearsedStatus;

  private final int tid;
  private final Boundary boundary;
  private final NativeBuffer memory;
  private final ByteBuffer bytes;
  private final long address;
  private WaitingPlace place = WaitingPlace.ANYWHERE;

  private Tracee(int tid, Boundary boundary) throws SyscallException {
    this.tid = tid;
    this.boundary = boundary;
    this.memory = NativeBuffer.allocate(BYTES);
    this.bytes = memory.bytes();
    this.address = memory.address();
    memory.prefault(BYTES);
  }

  /** Takes scratch memory for a thread; nothing is asked of the kernel yet. */
  static Tracee of(int tid, Boundary boundary) throws SyscallException {
    return new Tracee(tid, boundary);
  }

  /**
   * Returns a thread that does not exist and plays along: each request is made, fails, and counts
   * as done. What is done with it once is linked and loaded when a real thread waits for it.
   */
  static Tracee rehearsal() throws SyscallException {
    Tracee nobody = new Tracee(NOBODY, Boundary.NONE);
    nobody.rehearsedStatus = REHEARSED_EVENT_STOP;
    return nobody;
  }

  /** Returns whether this is nobody: what it says is made up. */
  boolean isRehearsal() {
    return rehearsedStatus != 0;
  }

  /** Says what is done next. Acts that do not go through this class announce themselves. */
  void next(String act) {
    boundary.before(act);
  }

  /** Returns the thread's id. */
  public int tid() {
    return tid;
  }

  NativeBuffer memory() {
    return memory;
  }

  ByteBuffer bytes() {
    return bytes;
  }

  /**
   * Attaches without stopping it.
   *
   * @param options {@code PTRACE_O_} flags
   * @throws SyscallException ESRCH if it is gone, EPERM if it is traced, ending or not ours to
   *     trace
   */
  void seize(int options) throws SyscallException {
    request(Ptrace.SEIZE, 0, options);
  }

  /** Says where the calling thread waits for its stops; before the first one. */
  void waitAt(WaitingPlace chosen) {
    place = chosen;
  }

  /** Asks it to stop; {@link #awaitStop} tells when it has. */
  void interrupt() throws SyscallException {
    request(Ptrace.INTERRUPT, 0, 0);
  }

  /** Lets it run on, delivering {@code signal} unless 0. */
  void proceed(int signal) throws SyscallException {
    request(Ptrace.CONT, 0, signal);
  }

  /** Lets it run to the next entry or exit of a system call, delivering {@code signal} unless 0. */
  void proceedToSyscall(int signal) throws SyscallException {
    request(Ptrace.SYSCALL, 0, signal);
  }

  /** Lets go of it, delivering {@code signal} unless 0. */
  void detach(int signal) throws SyscallException {
    request(Ptrace.DETACH, 0, signal);
  }

  /**
   * Waits until it stops: looks without pause, as long as the {@link WaitingPlace} wants; up to 500
   * µs too, but lets others run, the tracee perhaps; then every 20 µs, on whichever processor.
   *
   * @return the wait status, {@link #GONE} or {@link #TIMED_OUT}
   */
  int awaitStop(long timeoutNanos) {
    boundary.before("wait");
    int status = awaitStop(tid, bytes, address, place, timeoutNanos);
    return rehearsedStatus != 0 ? rehearsedStatus : status;
  }

  /** Waits for a thread's stop with somebody's scratch memory: its first 4 bytes. */
  @SuppressWarnings("ThreadPriorityCheck") // the tracee may wait for this very processor
  static int awaitStop(
      int tid, ByteBuffer bytes, long address, WaitingPlace place, long timeoutNanos) {
    long start = System.nanoTime();
    while (true) {
      int result = LibC.waitpid(tid, address + STATUS, LibC.WALL | LibC.WNOHANG);
      if (result == tid) {
        int status = bytes.getInt(STATUS);
        return isStop(status) ? status : GONE;
      }
      if (result < 0 && LibC.errno() != Errno.EINTR.number()) {
        return GONE;
      }
      long waited = System.nanoTime() - start;
      if (waited > timeoutNanos) {
        return TIMED_OUT;
      }
      if (waited < place.spinNanos()) {
        Thread.onSpinWait();
      } else if (waited < YIELD_NANOS) {
        Thread.yield();
      } else {
        place.leave();
        LockSupport.parkNanos(PARK_NANOS);
      }
    }
  }

  /**
   * Waits for the stop that {@link #interrupt()} asked for. A signal's stop that comes first is
   * passed on, a system call's stop is stepped over.
   *
   * @return the wait status, {@link #GONE} or {@link #TIMED_OUT}
   */
  int awaitEventStop(long timeoutNanos) throws SyscallException {
    long start = System.nanoTime();
    while (true) {
      long left = timeoutNanos - (System.nanoTime() - start);
      int status = awaitStop(Math.max(left, 0));
      if (status < 0 || isEventStop(status)) {
        return status;
      }
      proceed(signalToDeliver(status));
    }
  }

  static boolean isStop(int status) {
    return (status & 0xff) == 0x7f;
  }

  static boolean isEventStop(int status) {
    return status >>> 16 == Ptrace.EVENT_STOP;
  }

  static boolean isSyscallStop(int status) {
    return status >>> 16 == 0 && (status >>> 8 & 0xff) == Ptrace.SYSCALL_STOP;
  }

  /** Returns the signal whose delivery the stop holds up, 0 if it is another kind of stop. */
  static int signalToDeliver(int status) {
    return status >>> 16 == 0 && !isSyscallStop(status) ? status >>> 8 & 0xff : 0;
  }

  /**
   * Reads the registers.
   *
   * @return their length in bytes: less than {@link Registers#BYTES} for a 32-bit program
   */
  int registers(Registers to) throws SyscallException {
    iovec(to);
    request(Ptrace.GETREGSET, Ptrace.NT_PRSTATUS, address + IOVEC);
    return (int) bytes.getLong(IOVEC + 8);
  }

  /** Sets the registers. */
  void setRegisters(Registers from) throws SyscallException {
    iovec(from);
    request(Ptrace.SETREGSET, Ptrace.NT_PRSTATUS, address + IOVEC);
  }

  /**
   * Reads the floating point state.
   *
   * @param offset where to in the scratch memory
   * @param room bytes there
   * @return its length in bytes, {@code room} if it has no room; negative if there is none
   */
  int floatingPoint(int offset, int room) {
    bytes.putLong(XSTATE_IOVEC, address + offset);
    bytes.putLong(XSTATE_IOVEC + 8, room);
    boundary.before("PTRACE_GETREGSET(xstate)");
    long result = LibC.ptrace(Ptrace.GETREGSET, tid, Ptrace.NT_X86_XSTATE, address + XSTATE_IOVEC);
    if (isRehearsal()) {
      bytes.putLong(offset + SignalFrame.SW_RESERVED, 3);
      return REHEARSED_XSTATE_BYTES;
    }
    return result < 0 ? -1 : (int) bytes.getLong(XSTATE_IOVEC + 8);
  }

  /** Reads its memory to {@code offset} of the scratch memory; false unless all of it. */
  boolean read(int offset, long remote, int length) {
    iovecs(offset, remote, length);
    boundary.before("process_vm_readv");
    return LibC.process_vm_readv(tid, address + LOCAL_IOVEC, 1, address + REMOTE_IOVEC, 1, 0)
            == length
        || isRehearsal();
  }

  /** Writes its memory from {@code offset} of the scratch memory; false unless all of it. */
  boolean write(int offset, long remote, int length) {
    iovecs(offset, remote, length);
    boundary.before("process_vm_writev");
    return LibC.process_vm_writev(tid, address + LOCAL_IOVEC, 1, address + REMOTE_IOVEC, 1, 0)
            == length
        || isRehearsal();
  }

  private void iovecs(int offset, long remote, int length) {
    bytes.putLong(LOCAL_IOVEC, address + offset);
    bytes.putLong(LOCAL_IOVEC + 8, length);
    bytes.putLong(REMOTE_IOVEC, remote);
    bytes.putLong(REMOTE_IOVEC + 8, length);
  }

  private void iovec(Registers registers) {
    bytes.putLong(IOVEC, registers.address());
    bytes.putLong(IOVEC + 8, Registers.BYTES);
  }

  /**
   * Returns the mask of blocked signals; within sigsuspend and its kin, the one it goes back to.
   */
  long signalMask() throws SyscallException {
    request(Ptrace.GETSIGMASK, Ptrace.SIGSET_BYTES, address + SIGMASK);
    return bytes.getLong(SIGMASK);
  }

  /** Sets the mask of blocked signals. */
  void setSignalMask(long mask) throws SyscallException {
    bytes.putLong(SIGMASK, mask);
    request(Ptrace.SETSIGMASK, Ptrace.SIGSET_BYTES, address + SIGMASK);
  }

  /**
   * Returns the address of its {@code struct rseq}, 0 if it has none or the kernel does not say.
   */
  long rseqAddress() {
    bytes.putLong(RSEQ_CONFIGURATION + Ptrace.RSEQ_ABI_POINTER, 0);
    boundary.before("PTRACE_GET_RSEQ_CONFIGURATION");
    long result =
        LibC.ptrace(
            Ptrace.GET_RSEQ_CONFIGURATION,
            tid,
            Ptrace.RSEQ_CONFIGURATION_BYTES,
            address + RSEQ_CONFIGURATION);
    return result < 0 ? 0 : bytes.getLong(RSEQ_CONFIGURATION + Ptrace.RSEQ_ABI_POINTER);
  }

  private void request(int request, long address, long data) throws SyscallException {
    boundary.before(Ptrace.name(request));
    if (rehearsedStatus == 0) {
      request(request, tid, address, data);
    } else {
      LibC.ptrace(request, tid, address, data);
      LibC.errno();
      rehearsedStatus = request == Ptrace.SYSCALL ? REHEARSED_SYSCALL_STOP : REHEARSED_EVENT_STOP;
    }
  }

  static void request(int request, int tid, long address, long data) throws SyscallException {
    if (LibC.ptrace(request, tid, address, data) < 0) {
      Errno errno = Errno.last();
      throw new SyscallException("ptrace(" + Ptrace.name(request) + ", " + tid + ")", errno);
    }
  }

  /** Frees the scratch memory. */
  @Override
  public void close() {
    memory.close();
  }
}
