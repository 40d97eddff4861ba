package io.predump.engine;

import io.predump.images.FrameCodec;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.ByteBuffer;
import java.util.function.BooleanSupplier;

/**
 * Keeps one worker of a live round with bounds within them, and out of others' way: it works in
 * pieces, after each of which it rests for the processor time it took, or, while it owes little,
 * lets others go first. A piece takes 100 to 200 µs: 32 pages that are read or looked at, 32 KiB
 * compressed at level 1 (longer at higher levels), 128 KiB stored raw, a frame digested or written.
 * A share of the processor's time says nothing of how long it is kept: a frame takes milliseconds,
 * and the scheduler lets its thread finish a slice as long before a target that wakes up. Measured
 * with Redis and a thread that takes 5 % of a core: p99 of the requests 2.1 times as late as alone
 * if it works for 2.5 ms at a time, 1.2 if it yields every 100 µs meanwhile, 1.1 if it rests every
 * 100 µs.
 */
final class CopyPacer {
  /** Never waits, and costs nothing. */
  static final CopyPacer NONE = new CopyPacer(false, CopyBrake.NONE, CopyBrake.NONE, () -> false);

  /** Pages that are read, or looked at, in 20 to 50 µs. */
  private static final int PIECE_PAGES = 32;

  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

  private final boolean slows;
  private final CopyBrake session;
  private final CopyBrake total;
  private final BooleanSupplier failed;
  private final boolean timesThread;
  private long cpuNanos;
  private long pieceBegan;
  private int pages;
  private long waitedNanos;

  private CopyPacer(boolean slows, CopyBrake session, CopyBrake total, BooleanSupplier failed) {
    this.slows = slows;
    this.session = session;
    this.total = total;
    this.failed = failed;
    this.timesThread =
        (session.boundsTime() || total.boundsTime()) && THREADS.isCurrentThreadCpuTimeSupported();
  }

  /**
   * {@return one for one worker}
   *
   * @param session its session's bounds
   * @param total those of all sessions together
   * @param failed whether the copy has: nobody waits any longer
   */
  static CopyPacer of(CopyBrake session, CopyBrake total, BooleanSupplier failed) {
    return session.slows() || total.slows() ? new CopyPacer(true, session, total, failed) : NONE;
  }

  /** The worker is about to read so many bytes: returns when it may. */
  void beforeReading(long bytes) {
    if (slows) {
      long begun = System.nanoTime();
      session.beforeReading(bytes, failed);
      total.beforeReading(bytes, failed);
      waitedNanos += System.nanoTime() - begun;
      if (timesThread && cpuNanos == 0) {
        cpuNanos = THREADS.getCurrentThreadCpuTime();
        pieceBegan = System.nanoTime();
      }
    }
  }

  /** {@return how many pages to read at once} */
  int mostPages() {
    return slows ? PIECE_PAGES : Integer.MAX_VALUE;
  }

  /** So many pages more are read, or looked at. */
  void worked(int more) {
    if (slows) {
      pages += more;
      if (pages >= PIECE_PAGES) {
        rest();
      }
    }
  }

  /** A piece of work is done: returns when the next may begin. */
  @SuppressWarnings("ThreadPriorityCheck") // whoever waits for this very processor goes first
  void rest() {
    if (!slows) {
      return;
    }
    pages = 0;
    long begun = System.nanoTime();
    if (!paid()) {
      Thread.yield();
    }
    pieceBegan = System.nanoTime();
    waitedNanos += pieceBegan - begun;
  }

  /** {@return whether it has rested for what it owes; to both bounds at once} */
  private boolean paid() {
    if (!timesThread) {
      return false;
    }
    long now = THREADS.getCurrentThreadCpuTime();
    long used = now - cpuNanos;
    cpuNanos = now;
    long toSession = session.charge(used, pieceBegan);
    long toAll = total.charge(used, pieceBegan);
    CopyBrake slower = toSession > toAll ? session : total;
    long owed = Math.max(toSession, toAll);
    slower.rest(owed, failed);
    return owed > 0;
  }

  /** {@return how long it has waited, nanoseconds} */
  long waitedNanos() {
    return waitedNanos;
  }

  /** Makes a frame as {@link FrameCodec#compress(ByteBuffer, ByteBuffer)} does, in pieces. */
  int compress(FrameCodec codec, ByteBuffer source, ByteBuffer frame) {
    return slows ? codec.compress(source, frame, this::rest) : codec.compress(source, frame);
  }

  /** Makes a frame as {@link FrameCodec#store(ByteBuffer, ByteBuffer)} does, in pieces. */
  int store(FrameCodec codec, ByteBuffer source, ByteBuffer frame) {
    return slows ? codec.store(source, frame, this::rest) : codec.store(source, frame);
  }
}
