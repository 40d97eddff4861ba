package io.predump.linux.cgroup;

import io.predump.linux.Errno;
import io.predump.linux.Fd;
import io.predump.linux.Freeze;
import io.predump.linux.LibC;
import io.predump.linux.NativeBuffer;
import io.predump.linux.SyscallException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Everybody in a control group, frozen until this is closed. A group that was frozen already stays
 * so. For one thread.
 */
public final class CgroupFreeze implements Freeze {
  /** Waits without a pause this long: poll(2) on the file answers after 14 ms. */
  private static final long SPIN_NANOS = 5_000_000;

  private static final long PARK_NANOS = 50_000;
  private static final int REHEARSALS = 50;

  private final FreezerCgroup cgroup;
  private final @Nullable ThawGuard guard;
  private final Fd control;
  private final Fd state;
  private final NativeBuffer buffer;
  private long frozenSinceNanos;
  private long thawedNanos;
  private int threads;
  private boolean thawed;

  private CgroupFreeze(
      FreezerCgroup cgroup, @Nullable ThawGuard guard, Fd control, Fd state, NativeBuffer buffer) {
    this.cgroup = cgroup;
    this.guard = guard;
    this.control = control;
    this.state = state;
    this.buffer = buffer;
  }

  /**
   * Freezes a group and waits until everybody stands still. When it throws, it is as it was.
   *
   * @param guard thaws it if this program dies; borrowed; null only if the group is frozen already
   * @throws CgroupException NO_STOP if it takes longer than {@code timeout}; NO_GUARD
   * @throws SyscallException ENOENT, ENODEV if the group is gone; EACCES
   */
  public static CgroupFreeze of(FreezerCgroup cgroup, @Nullable ThawGuard guard, Duration timeout)
      throws IOException {
    if (guard == null && !cgroup.isAskedToFreeze()) {
      throw new CgroupException(
          CgroupException.Reason.NO_GUARD,
          cgroup + ": it was frozen and is thawed by now, so nobody stands by to thaw it");
    }
    Fd control = Fd.openReadWrite(cgroup.controlFile().toString());
    CgroupFreeze freeze = null;
    try {
      Fd state = Fd.openReadOnly(cgroup.stateFile().toString());
      freeze =
          new CgroupFreeze(cgroup, guard, control, state, NativeBuffer.allocate(LibC.PAGE_BYTES));
      freeze.begin(timeout.toNanos());
      return freeze;
    } catch (IOException | RuntimeException e) {
      if (freeze == null) {
        control.close();
      } else {
        freeze.close();
      }
      throw e;
    }
  }

  private void begin(long timeoutNanos) throws IOException {
    buffer.prefault(LibC.PAGE_BYTES);
    for (int i = 0; i < REHEARSALS; i++) {
      stands();
    }
    if (guard != null) {
      guard.arm();
    }
    frozenSinceNanos = System.nanoTime();
    if (guard != null) {
      write(cgroup.frozenWord());
    }
    while (!stands()) {
      long waited = System.nanoTime() - frozenSinceNanos;
      if (waited > timeoutNanos) {
        throw new CgroupException(
            CgroupException.Reason.NO_STOP,
            cgroup + ": does not freeze in time, threads that do not stop: " + cgroup.unstopped());
      }
      if (waited > SPIN_NANOS) {
        LockSupport.parkNanos(PARK_NANOS);
      } else {
        Thread.onSpinWait();
      }
    }
    threads = cgroup.threads().size();
  }

  private boolean stands() throws SyscallException {
    while (true) {
      long read = LibC.pread(state.number(), buffer.address(), LibC.PAGE_BYTES, 0);
      if (read >= 0) {
        byte[] text = new byte[(int) read];
        buffer.bytes().get(text);
        return cgroup.saysFrozen(new String(text, StandardCharsets.US_ASCII));
      }
      Errno errno = Errno.last();
      if (!errno.equals(Errno.EINTR)) {
        throw new SyscallException("read(" + state.path() + ")", errno);
      }
    }
  }

  private void write(String word) throws SyscallException {
    byte[] text = word.getBytes(StandardCharsets.US_ASCII);
    buffer.bytes().put(text);
    while (LibC.pwrite(control.number(), buffer.address(), text.length, 0) < 0) {
      Errno errno = Errno.last();
      if (!errno.equals(Errno.EINTR)) {
        throw new SyscallException("write(" + control.path() + ", " + word + ")", errno);
      }
    }
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
    return threads;
  }

  @Override
  public void requireHeld() throws IOException {
    if (!stands()) {
      throw new CgroupException(
          CgroupException.Reason.THAWED,
          cgroup + ": somebody else thawed it while its memory was being read");
    }
  }

  /** Thaws the group, unless it was frozen before; if that fails, the guard goes on trying. */
  @Override
  public void close() {
    if (thawed) {
      return;
    }
    thawed = true;
    thawedNanos = System.nanoTime();
    try {
      if (guard != null) {
        write(cgroup.thawedWord());
        thawedNanos = System.nanoTime();
        guard.disarm();
      }
    } catch (IOException e) {
      // The group is gone and everybody in it, or the guard is: it was needed until here only.
      if (e instanceof SyscallException failed && !failed.is(Errno.ENODEV)) {
        throw new IllegalStateException(e);
      }
    } finally {
      control.close();
      state.close();
      buffer.close();
    }
  }
}
