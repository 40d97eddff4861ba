package io.predump.linux.ptrace;

import io.predump.linux.Fd;
import io.predump.linux.LibC;
import io.predump.linux.NativeBuffer;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.mem.ProcessMemory;
import io.predump.linux.proc.OpenFile;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * The userfaultfds that injections, cut off by SIGKILL, left open in a process. A target may have
 * its own, so one counts as left by us only if all of this holds:
 *
 * <ol>
 *   <li>It was never given UFFDIO_API, and still is not 100 ms later. Ours is closed in the target
 *       before it ever is; the target's own is used as soon as it exists.
 *   <li>Its flags are O_CLOEXEC and O_NONBLOCK.
 *   <li>The {@link Mark} of a cut-off injection lies where we would put ours, and it names this
 *       descriptor; or it says that so many calls were under way, and there are no more descriptors
 *       than that which it does not name.
 * </ol>
 *
 * <p>What is found is held open here, so that right before it is closed there kcmp(2) can tell
 * whether the number still means the same.
 */
final class Leftovers implements AutoCloseable {
  private static final long PATIENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
  private static final long OUR_FLAGS = LibC.O_CLOEXEC | LibC.O_NONBLOCK;
  private static final long ACCESS_MODE = 3;
  private static final int KCMP_FILE = 0;

  private final Pid pid;
  private final List<Fd> held = new ArrayList<>();
  private final int self = LibC.getpid();
  private int[] numbers = new int[0];
  private int unclear;

  private Leftovers(Pid pid) {
    this.pid = pid;
  }

  /**
   * Looks for them, before anything is stopped.
   *
   * @param pid the process, or a live thread of it
   * @param pidfd of the same; borrowed
   */
  static Leftovers find(Pid pid, Fd pidfd, ProcessMemory target, Scratch scratch)
      throws SyscallException {
    Leftovers leftovers = new Leftovers(pid);
    List<Integer> uninitialised = uninitialised(pid);
    if (uninitialised.isEmpty()) {
      return leftovers;
    }
    try (NativeBuffer mark = NativeBuffer.allocate(Mark.BYTES)) {
      if (scratch.start() == 0 || !readMark(target, scratch, mark)) {
        leftovers.unclear = uninitialised.size();
        return leftovers;
      }
      leftovers.choose(uninitialised, pidfd, mark);
      return leftovers;
    } catch (SyscallException | RuntimeException e) {
      leftovers.close();
      throw e;
    }
  }

  private static boolean readMark(ProcessMemory target, Scratch scratch, NativeBuffer mark) {
    try {
      return target.pread(mark.address(), Mark.BYTES, scratch.start() + SignalFrame.MARK)
              == Mark.BYTES
          && Mark.isAt(mark.bytes(), 0);
    } catch (SyscallException e) {
      return false;
    }
  }

  private static List<Integer> uninitialised(Pid pid) throws SyscallException {
    List<Integer> found = new ArrayList<>();
    for (OpenFile file : OpenFile.list(pid)) {
      int number = file.number().number();
      if (file.isUserfaultfd()
          && (file.flags() & ~ACCESS_MODE) == OUR_FLAGS
          && OpenFile.userfaultfdFeatures(pid, number) == 0) {
        found.add(number);
      }
    }
    return found;
  }

  private void choose(List<Integer> candidates, Fd pidfd, NativeBuffer mark) {
    List<Fd> copies = new ArrayList<>();
    for (int candidate : candidates) {
      long copy = LibC.syscall(LibC.SYS_PIDFD_GETFD, pidfd.number(), candidate, 0, 0, 0, 0);
      copies.add(copy < 0 ? null : Fd.adopt((int) copy, "leftover " + candidate + " of " + pid));
    }
    long start = System.nanoTime();
    while (System.nanoTime() - start < PATIENCE_NANOS) {
      LockSupport.parkNanos(PATIENCE_NANOS / 10);
    }
    int unnamed = 0;
    for (int candidate : candidates) {
      unnamed += Mark.knows(mark.bytes(), 0, candidate) ? 0 : 1;
    }
    boolean all = unnamed <= Mark.unknown(mark.bytes(), 0);
    numbers = new int[candidates.size()];
    for (int i = 0; i < candidates.size(); i++) {
      Fd copy = copies.get(i);
      if (copy == null) {
        continue;
      }
      if ((all || Mark.knows(mark.bytes(), 0, candidates.get(i)))
          && OpenFile.userfaultfdFeatures(new Pid(self), copy.number()) == 0) {
        numbers[held.size()] = candidates.get(i);
        held.add(copy);
      } else {
        copy.close();
        unclear++;
      }
    }
  }

  /** Returns how many there are. */
  int count() {
    return held.size();
  }

  /** Returns the descriptor of one in the target. */
  int number(int i) {
    return numbers[i];
  }

  /** Returns how many there are that might be ours as well as the target's; they are left alone. */
  int unclear() {
    return unclear;
  }

  /** Returns whether the target's descriptor still is the one that was found. */
  boolean isStillThere(int i) {
    return LibC.syscall(
            LibC.SYS_KCMP, self, pid.number(), KCMP_FILE, held.get(i).number(), numbers[i], 0)
        == 0;
  }

  @Override
  public void close() {
    for (Fd copy : held) {
      copy.close();
    }
  }
}
