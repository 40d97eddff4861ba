package io.predump.linux.ptrace;

import io.predump.linux.Errno;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.proc.ProcStatus;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the main thread from using its stack while the frame of another thread lies at its deepest
 * part: in that moment it could come deeper than ever before, and what it wrote there would be
 * undone. A scope around that thread's stop, on the {@link TraceThread}; prepared before.
 *
 * <p>A thread that is asked to stop cannot come back to user mode without stopping. So one that
 * waits for its vfork child, or for a disk, and therefore does not stop, is held as well; the end
 * of the tracing thread lets go of it.
 */
final class StackGuard implements AutoCloseable {
  /** A thread that neither runs nor stops in this time waits for something in the kernel. */
  private static final long STOP_TIMEOUT_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

  /** The same for a thread that would run if it were its turn. */
  private static final long STARVED_TIMEOUT_NANOS = TimeUnit.SECONDS.toNanos(5);

  private final Pid pid;
  private final @Nullable Tracee main;
  private boolean stopped;
  private boolean waited;
  private long stackPointer;

  private StackGuard(Pid pid, @Nullable Tracee main) {
    this.pid = pid;
    this.main = main;
  }

  /**
   * Prepares the scope; nothing is asked of the thread yet.
   *
   * @param pid the process, whose main thread it is
   * @param boundary told of every act
   */
  static StackGuard of(Pid pid, Boundary boundary) throws SyscallException {
    return new StackGuard(pid, Tracee.of(pid.number(), boundary));
  }

  /** {@return one that holds nobody, for there is nobody to hold} */
  static StackGuard none(Pid pid) {
    return new StackGuard(pid, null);
  }

  /**
   * Stops the main thread, if there is one.
   *
   * @return why it may still use its stack; empty if it cannot
   */
  String hold() {
    return main == null ? "" : hold(main);
  }

  private String hold(Tracee main) {
    try {
      main.seize(0);
      main.interrupt();
      int status = main.awaitEventStop(STOP_TIMEOUT_NANOS);
      if (status == Tracee.TIMED_OUT && runs()) {
        status = main.awaitEventStop(STARVED_TIMEOUT_NANOS);
      }
      if (status == Tracee.TIMED_OUT) {
        waited = true;
        return runs() ? "its main thread does not stop" : "";
      }
      stopped = status != Tracee.GONE;
      if (stopped) {
        Registers registers = new Registers(main.memory(), Tracee.FREE);
        main.registers(registers);
        stackPointer = registers.get(Registers.RSP);
      }
      return "";
    } catch (SyscallException e) {
      return hasEnded(e) ? "" : "its main thread cannot be stopped: " + e.errno();
    }
  }

  private boolean runs() throws SyscallException {
    return ProcStatus.threadState(pid, pid.number()) == 'R';
  }

  /**
   * {@return whether it is not there to be stopped: gone, or a zombie that other threads outlive}
   */
  private boolean hasEnded(SyscallException failure) {
    if (failure.is(Errno.ESRCH) || failure.is(Errno.ENOENT)) {
      return true;
    }
    try {
      return ProcStatus.read(pid).isDead();
    } catch (SyscallException e) {
      return true;
    }
  }

  /** {@return its stack pointer; 0 if it is not stopped} */
  long stackPointer() {
    return stackPointer;
  }

  /** {@return whether only the end of the tracing thread lets go of it: it did not stop} */
  boolean outlastsScope() {
    return waited;
  }

  /** Lets it go, if it was stopped. */
  @Override
  public void close() {
    if (main == null) {
      return;
    }
    if (stopped) {
      stopped = false;
      try {
        main.detach(0);
      } catch (SyscallException e) {
        // It was killed meanwhile.
      }
    }
    main.close();
  }
}
