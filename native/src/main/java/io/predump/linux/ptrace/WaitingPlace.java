package io.predump.linux.ptrace;

import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.ThreadAffinity;
import io.predump.linux.proc.Machine;
import io.predump.linux.proc.ProcStatus;
import org.jspecify.annotations.Nullable;

/**
 * The processor on which the tracing thread waits for the stops of one tracee, and how: a scope
 * around them, opened before the first one on the thread that waits.
 *
 * <ul>
 *   <li>Where more threads run than there are processors, the scheduler places us, and we spin 50
 *       µs before we yield: a yield may give our processor to a stranger for milliseconds.
 *   <li>A tracee that runs is waited for elsewhere: on its own processor we would be in its way.
 *   <li>One that sleeps, on a machine where next to nobody else runs, is waited for on its own
 *       processor, and we yield from the first moment: it wakes up behind us and gets it at once.
 *       Measured on a virtual machine of two processors, median of a sleeping thread's whole stop:
 *       65 µs so, 220 on the other processor, 115 to 200 where the scheduler puts us.
 * </ul>
 */
final class WaitingPlace implements AutoCloseable {
  /** Most stops on another processor come within microseconds. */
  private static final long SPIN_NANOS = 50_000;

  /** Threads that run where next to nobody runs: we, and perhaps one who is about to sleep. */
  private static final int CALM = 2;

  private static final int PROBES = 3;

  /** A yield to nobody takes about a microsecond. */
  private static final long STRANGER_NANOS = 100_000;

  /** Wherever the scheduler has put us. */
  static final WaitingPlace ANYWHERE = new WaitingPlace(null, SPIN_NANOS);

  private @Nullable ThreadAffinity affinity;
  private final long spinNanos;

  private WaitingPlace(@Nullable ThreadAffinity affinity, long spinNanos) {
    this.affinity = affinity;
    this.spinNanos = spinNanos;
  }

  /** Chooses one. What cannot be found out or done leaves us where we are. */
  static WaitingPlace choose(Pid pid, int tid) {
    try {
      return choose(
          Machine.runnableThreads(),
          Machine.onlineProcessors(),
          ProcStatus.threadProcessor(pid, tid),
          ProcStatus.threadState(pid, tid));
    } catch (SyscallException | IllegalArgumentException | IndexOutOfBoundsException e) {
      return ANYWHERE;
    }
  }

  /**
   * Chooses one.
   *
   * @param runnable threads of the machine that run or could, with us
   * @param processors of the machine
   * @param processor the tracee's, or its last one
   * @param state the tracee's, a letter of proc(5)
   */
  static WaitingPlace choose(int runnable, int processors, int processor, char state)
      throws SyscallException {
    if (runnable > processors) {
      return ANYWHERE;
    }
    if (state == 'R') {
      return new WaitingPlace(ThreadAffinity.off(processor), SPIN_NANOS);
    }
    return runnable <= CALM ? on(processor) : ANYWHERE;
  }

  private static WaitingPlace on(int processor) throws SyscallException {
    ThreadAffinity there = ThreadAffinity.on(processor);
    if (there.kept() && isOurs()) {
      return new WaitingPlace(there, 0);
    }
    there.close();
    return ANYWHERE;
  }

  /** {@return whether nobody else wants this processor, as far as a few yields can tell} */
  @SuppressWarnings("ThreadPriorityCheck") // to see who else runs
  private static boolean isOurs() {
    for (int i = 0; i < PROBES; i++) {
      long begun = System.nanoTime();
      Thread.yield();
      if (System.nanoTime() - begun > STRANGER_NANOS) {
        return false;
      }
    }
    return true;
  }

  /** {@return how long a wait spins before it yields} */
  long spinNanos() {
    return spinNanos;
  }

  /**
   * The stop does not come soon, so we may run anywhere again: a stranger that takes the processor
   * we keep to would keep us, and the tracee, from going on.
   */
  void leave() {
    if (affinity != null) {
      affinity.close();
      affinity = null;
    }
  }

  @Override
  public void close() {
    leave();
  }
}
