package io.predump.linux.ptrace;

import io.predump.linux.AddressRange;
import io.predump.linux.Errno;
import io.predump.linux.Freeze;
import io.predump.linux.LibC;
import io.predump.linux.NativeBuffer;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.proc.TaskDirectory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

/**
 * All threads of a process, stopped by ptrace until this is closed. About 10 µs per thread. Threads
 * born meanwhile are found and stopped too; threads that end meanwhile are left out. If this
 * program dies, the kernel lets the process go on.
 *
 * <p>A thread that waits for its vfork child counts as standing. It does not answer, for it cannot
 * be woken, but the stop it was asked for is pending: whenever the child is done, the thread stops
 * on its way out of the kernel, before its next instruction, and the kernel writes nothing to its
 * memory on that way. Its child is another process, which must be stopped like any other that
 * shares the memory. A thread in another uninterruptible sleep does not count: what it waits for
 * may well write to its memory.
 *
 * <p>Processes that share the memory without being threads of it (CLONE_VM) are not stopped. Safe
 * for use from any thread.
 */
public final class Freezer implements Freeze {
  private static final int SCRATCH_SIGMASK = 64;

  private final Pid pid;
  private final TraceThread trace;
  private final NativeBuffer memory;
  private final ByteBuffer bytes;

  /** How long a thread is waited for before its state is looked at: first, and then each time. */
  private static final long FIRST_PATIENCE_NANOS = 1_000_000;

  private static final long PATIENCE_NANOS = 20_000_000;

  /** {@link #await} result, and in place of a signal: it waits for its vfork child. */
  private static final int IN_VFORK = -3;

  /** Threads stopped, and the signal each one's stop holds up, 0 for none. */
  private int[] tids = new int[64];

  private int[] signals = new int[64];
  private int count;

  /** Threads seen, stopped or not worth it. */
  private final BitSet known = new BitSet();

  private long frozenSinceNanos;
  private volatile long thawedNanos;
  private boolean thawed;

  private Freezer(Pid pid, TraceThread trace, NativeBuffer memory) {
    this.pid = pid;
    this.trace = trace;
    this.memory = memory;
    this.bytes = memory.bytes();
  }

  /**
   * Stops all threads of a process. When it throws, all of them run again.
   *
   * @param pid the process, not a child of ours
   * @param timeout for all of it
   * @throws TraceException if the process cannot be traced, or a thread does not stop in time
   *     (NO_STOP, with its id and state)
   * @throws SyscallException ESRCH if the process is gone
   */
  public static Freezer freeze(Pid pid, Duration timeout) throws IOException {
    Target.check("freeze", pid);
    NativeBuffer memory = NativeBuffer.allocate(LibC.PAGE_BYTES);
    memory.prefault(LibC.PAGE_BYTES);
    TraceThread trace = TraceThread.start("predump-freeze");
    Freezer freezer = new Freezer(pid, trace, memory);
    try {
      trace.call(
          () -> {
            freezer.stopAll(timeout.toNanos());
            return freezer;
          });
      return freezer;
    } catch (IOException | RuntimeException e) {
      freezer.thaw();
      if (e instanceof SyscallException failure && failure.is(Errno.ENOENT)) {
        throw new SyscallException("freeze " + pid, Errno.ESRCH);
      }
      throw e;
    }
  }

  private void stopAll(long timeoutNanos) throws IOException {
    try (TaskDirectory tasks = TaskDirectory.open(pid)) {
      rehearse(tasks);
      frozenSinceNanos = System.nanoTime();
      long deadline = frozenSinceNanos + timeoutNanos;
      while (true) {
        int firstNew = count;
        seizeNew(tasks);
        if (count == firstNew && allStand(deadline)) {
          break;
        }
        awaitFrom(firstNew, deadline);
        if (System.nanoTime() - deadline > 0) {
          throw new TraceException(
              TraceException.Reason.NO_STOP,
              "freeze " + pid + ": threads are born faster than they can be stopped");
        }
      }
    }
    if (count == 0) {
      if (ProcStatus.read(pid).isDead()) {
        throw new TraceException(
            TraceException.Reason.NO_LIVE_THREAD, "freeze " + pid + ": no live thread");
      }
      throw new SyscallException("freeze " + pid, Errno.ESRCH);
    }
  }

  /** Makes every call once where it fails or changes nothing, so that no class is loaded later. */
  private void rehearse(TaskDirectory tasks) throws IOException {
    try (Tracee nobody = Tracee.rehearsal()) {
      for (int i = 0; i < 20; i++) {
        tasks.list();
        nobody.seize(0);
        nobody.interrupt();
        // Not nobody's own number: a bit set that holds it takes 256 MiB.
        add(1);
        count = 0;
        Tracee.awaitStop(nobody.tid(), bytes, memory.address(), WaitingPlace.ANYWHERE, 0);
        Tracee.signalToDeliver(nobody.awaitStop(0));
        nobody.detach(0);
        allStand(0);
        ProcStatus.waitsForVfork(pid, pid.number());
      }
      known.clear();
    }
  }

  /** Seizes and interrupts every thread not seen yet, without waiting for any. */
  private void seizeNew(TaskDirectory tasks) throws IOException {
    int listed = tasks.list();
    for (int i = 0; i < listed; i++) {
      int tid = tasks.tid(i);
      if (known.get(tid)) {
        continue;
      }
      try {
        Tracee.request(Ptrace.SEIZE, tid, 0, 0);
        add(tid);
        Tracee.request(Ptrace.INTERRUPT, tid, 0, 0);
      } catch (SyscallException e) {
        if (e.is(Errno.ESRCH)) {
          // It ended. If it was seized before, the wait will find out.
          continue;
        }
        IOException reason = Target.seizeRefusal("freeze " + pid + ": ", pid, tid, e);
        if (reason instanceof SyscallException gone && gone.is(Errno.ESRCH)) {
          // A main thread that has ended stays listed as long as others live.
          known.set(tid);
          continue;
        }
        throw reason;
      }
    }
  }

  private void add(int tid) {
    if (count == tids.length) {
      tids = Arrays.copyOf(tids, count * 2);
      signals = Arrays.copyOf(signals, count * 2);
    }
    known.set(tid);
    tids[count] = tid;
    signals[count] = 0;
    count++;
  }

  private void awaitFrom(int first, long deadline) throws IOException {
    int kept = first;
    for (int i = first; i < count; i++) {
      int tid = tids[i];
      int status = await(tid, deadline);
      if (status == Tracee.GONE) {
        continue;
      }
      tids[kept] = tid;
      signals[kept] = status == IN_VFORK ? IN_VFORK : Tracee.signalToDeliver(status);
      kept++;
    }
    count = kept;
  }

  /** Looks at the state now and then: a main thread that ends while others live reports nothing. */
  private int await(int tid, long deadline) throws IOException {
    long patience = FIRST_PATIENCE_NANOS;
    while (true) {
      long left = deadline - System.nanoTime();
      int status =
          Tracee.awaitStop(
              tid, bytes, memory.address(), WaitingPlace.ANYWHERE, Math.min(left, patience));
      patience = PATIENCE_NANOS;
      if (status != Tracee.TIMED_OUT) {
        return status;
      }
      char state = ProcStatus.threadState(pid, tid);
      if (state == 'Z' || state == 'X' || state == 'x') {
        return Tracee.GONE;
      }
      if (state == 'D' && ProcStatus.waitsForVfork(pid, tid)) {
        return IN_VFORK;
      }
      if (left <= 0) {
        // It may have stopped since it was last asked.
        status =
            Tracee.awaitStop(
                tid, bytes, memory.address(), WaitingPlace.ANYWHERE, FIRST_PATIENCE_NANOS);
        if (status != Tracee.TIMED_OUT) {
          return status;
        }
        throw new TraceException(
            TraceException.Reason.NO_STOP,
            "freeze " + pid + ": thread " + tid + " does not stop, state " + state);
      }
    }
  }

  /**
   * Asks each thread something only a stopped one answers. One that does not has ended, or an exec
   * made it another: it is waited for again.
   */
  private boolean allStand(long deadline) throws IOException {
    boolean all = true;
    int kept = 0;
    for (int i = 0; i < count; i++) {
      if (signals[i] == IN_VFORK && !ProcStatus.waitsForVfork(pid, tids[i])) {
        int status = await(tids[i], deadline);
        signals[i] = status < 0 ? status : Tracee.signalToDeliver(status);
      }
      if (signals[i] != IN_VFORK
          && LibC.ptrace(
                  Ptrace.GETSIGMASK,
                  tids[i],
                  Ptrace.SIGSET_BYTES,
                  memory.address() + SCRATCH_SIGMASK)
              < 0) {
        all = false;
        known.clear(tids[i]);
        // If it lives and is ours, it only has to be found again: let go of it.
        LibC.ptrace(Ptrace.DETACH, tids[i], 0, Math.max(signals[i], 0));
        continue;
      }
      tids[kept] = tids[i];
      signals[kept] = signals[i];
      kept++;
    }
    count = kept;
    return all;
  }

  @Override
  public long frozenSinceNanos() {
    return frozenSinceNanos;
  }

  @Override
  public long thawedNanos() {
    return thawedNanos;
  }

  @Override
  public int threadCount() {
    return count;
  }

  /**
   * Returns where the threads' {@code struct rseq} are, which the kernel writes to whenever a
   * thread goes back to its program: which processor it runs on. Of threads that have none, or
   * whose kernel does not say (before Linux 5.13), nothing is returned.
   */
  public List<AddressRange> rseqAreas() throws IOException {
    return trace.call(
        () -> {
          List<AddressRange> areas = new ArrayList<>();
          for (int i = 0; i < count; i++) {
            if (signals[i] != IN_VFORK
                && LibC.ptrace(
                        Ptrace.GET_RSEQ_CONFIGURATION,
                        tids[i],
                        Ptrace.RSEQ_CONFIGURATION_BYTES,
                        memory.address())
                    > 0) {
              long start = bytes.getLong(Ptrace.RSEQ_ABI_POINTER);
              if (start != 0) {
                areas.add(new AddressRange(start, start + bytes.getInt(Ptrace.RSEQ_ABI_SIZE)));
              }
            }
          }
          return areas;
        });
  }

  /** Does nothing: whom we trace nobody else lets go. */
  @Override
  public void requireHeld() {}

  /** Lets all threads go on, each with the signal its stop held up. Further calls do nothing. */
  public synchronized void thaw() {
    if (thawed) {
      return;
    }
    thawed = true;
    try {
      trace.call(
          () -> {
            for (int i = 0; i < count; i++) {
              // ESRCH: killed while it stood, or in vfork: the end of the tracing thread lets go.
              LibC.ptrace(Ptrace.DETACH, tids[i], 0, Math.max(signals[i], 0));
            }
            thawedNanos = System.nanoTime();
            return count;
          });
    } catch (IOException e) {
      throw new IllegalStateException(e);
    } finally {
      trace.close();
      memory.close();
    }
  }

  /** Lets all threads go on. */
  @Override
  public void close() {
    thaw();
  }
}
