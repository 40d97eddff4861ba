package io.predump.engine;

import io.predump.images.FrameCodec;
import java.nio.ByteBuffer;

/**
 * Chooses the zstd level under which copying is fastest: that which maximises {@code min(B_read,
 * n·C, r·W_disk)}, n workers compressing at C bytes per second, at a ratio r, before a disk that
 * writes W. The slowest of the three decides, so a slow disk is worth a higher level, a fast one is
 * not. What hardly compresses is stored raw.
 *
 * <p>C and r are learnt from the frames themselves: most are made at the level that is best so far,
 * one in {@link #TRIAL_EVERY} at another one in turn. B_read and W are learnt from whole rounds,
 * the flush included, or the page cache would flatter W. Thread-safe.
 */
final class LevelPilot {
  /** Asked for instead of a level. */
  static final int AUTO = 0;

  static final int FIRST_LEVEL = 1;
  static final int TRIAL_EVERY = 32;

  private static final int[] LEVELS = {-5, -1, 1, 3, 6};

  /** What a frame compresses to at each of them, and how fast, until frames have shown it. */
  private static final double[] RATIOS = {1.7, 2.0, 2.35, 2.45, 2.6};

  private static final double[] BYTES_PER_NANO = {1.1, 0.8, 0.6, 0.35, 0.12};

  private static final double NEW_FRAME = 0.1;
  private static final double NEW_ROUND = 0.3;

  /** Levels this near to the best are as good: then the one that stores less. */
  private static final double AS_GOOD = 0.97;

  private final int threads;
  private final double[] ratios = RATIOS.clone();
  private final double[] bytesPerNano = BYTES_PER_NANO.clone();
  private double readBytesPerNano = 3;
  private double diskBytesPerNano = 1;
  private int frames;
  private boolean hurried;

  LevelPilot(int threads) {
    this.threads = threads;
  }

  /** Makes a frame as {@link CopyPacer#compress} does, at a level of our choice, or raw. */
  int compress(FrameCodec codec, ByteBuffer source, ByteBuffer frame, CopyPacer pacer) {
    if (!codec.isCompressible(source)) {
      return pacer.store(codec, source, frame);
    }
    int choice = next();
    codec.level(LEVELS[choice]);
    long began = System.nanoTime() - pacer.waitedNanos();
    int bytes = pacer.compress(codec, source, frame);
    made(choice, source.remaining(), bytes, System.nanoTime() - pacer.waitedNanos() - began);
    return bytes;
  }

  /** {@return the level that is best by all that is known} */
  synchronized int level() {
    return LEVELS[best()];
  }

  /** While somebody stands still, every frame is made at the fastest level, or raw. */
  synchronized void hurry(boolean now) {
    hurried = now;
  }

  private synchronized int next() {
    if (hurried) {
      return 0;
    }
    frames++;
    return frames % TRIAL_EVERY == 0 ? frames / TRIAL_EVERY % LEVELS.length : best();
  }

  /** Learns from a frame. */
  synchronized void made(int choice, long sourceBytes, long frameBytes, long nanos) {
    ratios[choice] = mix(ratios[choice], (double) sourceBytes / frameBytes, NEW_FRAME);
    bytesPerNano[choice] =
        mix(bytesPerNano[choice], (double) sourceBytes / Math.max(1, nanos), NEW_FRAME);
  }

  /** Learns from a round: its reading, and its writing to the end. */
  void learn(CopyCounts copied, long syncNanos) {
    learn(
        copied.read() << PageTable.PAGE_SHIFT,
        copied.readNanos(),
        copied.storedBytes(),
        copied.writeNanos() + syncNanos);
  }

  /** The same in numbers; rounds of little say little. */
  synchronized void learn(long readBytes, long readNanos, long storedBytes, long writeNanos) {
    if (readBytes > 1 << 20 && readNanos > 0) {
      readBytesPerNano = mix(readBytesPerNano, (double) readBytes * threads / readNanos, NEW_ROUND);
    }
    if (storedBytes > 1 << 20 && writeNanos > 0) {
      diskBytesPerNano = mix(diskBytesPerNano, (double) storedBytes / writeNanos, NEW_ROUND);
    }
  }

  private int best() {
    double most = 0;
    for (int i = 0; i < LEVELS.length; i++) {
      most = Math.max(most, speed(i));
    }
    int best = 0;
    for (int i = 0; i < LEVELS.length; i++) {
      if (speed(i) >= AS_GOOD * most
          && (speed(best) < AS_GOOD * most || ratios[i] > ratios[best])) {
        best = i;
      }
    }
    return best;
  }

  private double speed(int i) {
    return Math.min(
        readBytesPerNano, Math.min(threads * bytesPerNano[i], ratios[i] * diskBytesPerNano));
  }

  private static double mix(double old, double now, double share) {
    return share * now + (1 - share) * old;
  }
}
