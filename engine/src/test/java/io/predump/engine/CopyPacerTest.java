package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.images.FrameCodec;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

final class CopyPacerTest {
  private static final int MIB = 1 << 20;

  private static CopyPacer within(CopyLimits limits) {
    return CopyPacer.of(new CopyBrake(limits), CopyBrake.NONE, () -> false);
  }

  private static long waitedForAFrame(CopyPacer pacer) {
    ByteBuffer frame = ByteBuffer.allocateDirect(FrameCodec.maxFrameBytes(MIB));
    try (FrameCodec codec = new FrameCodec(1)) {
      pacer.beforeReading(0);
      long before = pacer.waitedNanos();
      pacer.compress(codec, ByteBuffer.allocateDirect(MIB), frame);
      return pacer.waitedNanos() - before;
    }
  }

  private static long waitedForARawFrame(CopyPacer pacer) {
    ByteBuffer frame = ByteBuffer.allocateDirect(FrameCodec.maxFrameBytes(MIB));
    try (FrameCodec codec = new FrameCodec(1)) {
      pacer.beforeReading(0);
      long before = pacer.waitedNanos();
      pacer.store(codec, ByteBuffer.allocateDirect(MIB), frame);
      return pacer.waitedNanos() - before;
    }
  }

  /** Processor time a thread takes while it works in pieces for half a second, of one core. */
  private static double share(CopyPacer pacer) {
    long begun = System.nanoTime();
    long cpu = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    pacer.beforeReading(0);
    long pieceEnd = begun;
    while (System.nanoTime() - begun < 500_000_000) {
      if (System.nanoTime() - pieceEnd > 100_000) {
        pacer.rest();
        pieceEnd = System.nanoTime();
      }
    }
    long used = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - cpu;
    return (double) used / (System.nanoTime() - begun);
  }

  @Test
  void processorTimeIsPaidForPieceByPiece() {
    assertThat(share(within(CopyLimits.NONE.withCpuPercent(10)))).isBetween(0.06, 0.12);
    assertThat(share(within(CopyLimits.NONE.withCpuPercent(50)))).isBetween(0.2, 0.55);
    assertThat(share(CopyPacer.NONE)).as("control").isGreaterThan(0.3);
  }

  @Test
  void theTighterOfBothBoundsHolds() {
    CopyBrake half = new CopyBrake(CopyLimits.NONE.withCpuPercent(50));
    CopyBrake tenth = new CopyBrake(CopyLimits.NONE.withCpuPercent(10));
    assertThat(share(CopyPacer.of(half, tenth, () -> false))).isBetween(0.06, 0.12);
    assertThat(share(CopyPacer.of(tenth, half, () -> false))).isBetween(0.06, 0.12);
  }

  /** Resting for one after the other would make half of it. */
  @Test
  void twoBoundsAreRestedForAtOnce() {
    CopyBrake one = new CopyBrake(CopyLimits.NONE.withCpuPercent(10));
    CopyBrake other = new CopyBrake(CopyLimits.NONE.withCpuPercent(10));
    assertThat(share(CopyPacer.of(one, other, () -> false))).isBetween(0.06, 0.12);
  }

  @Test
  void othersGoFirstWhileAFrameIsMade() {
    assertThat(waitedForAFrame(within(CopyLimits.NONE.withBytesPerSecond(1L << 40)))).isPositive();
    assertThat(waitedForAFrame(within(CopyLimits.NONE.withCpuPercent(5)))).isPositive();
    assertThat(waitedForARawFrame(within(CopyLimits.NONE.withCpuPercent(5)))).isPositive();
  }

  @Test
  void pagesAreReadAndLookedAtInPiecesToo() {
    CopyPacer pacer = within(CopyLimits.NONE.withBytesPerSecond(1L << 40));
    int piece = pacer.mostPages();
    assertThat(piece).isLessThan(CopyPipeline.JOB_PAGES);
    for (int i = 1; i < piece; i++) {
      pacer.worked(1);
    }
    assertThat(pacer.waitedNanos()).isZero();
    pacer.worked(1);
    long first = pacer.waitedNanos();
    assertThat(first).isPositive();
    pacer.worked(piece - 1);
    assertThat(pacer.waitedNanos()).as("counted anew").isEqualTo(first);
  }

  @Test
  void whoHasNoBoundsDoesNotEvenLookAtTheClock() {
    CopyPacer none = within(CopyLimits.NONE);
    assertThat(none).isSameAs(CopyPacer.NONE);
    none.rest();
    none.worked(1000);
    assertThat(waitedForAFrame(none)).isZero();
    assertThat(waitedForARawFrame(none)).isZero();
    assertThat(none.mostPages()).isGreaterThan(CopyPipeline.JOB_PAGES);
  }

  @Test
  void aFailedCopyWaitsForNothing() {
    CopyBrake brake = new CopyBrake(CopyLimits.NONE.withCpuPercent(1).withBytesPerSecond(MIB));
    CopyPacer pacer = CopyPacer.of(brake, CopyBrake.NONE, () -> true);
    long begun = System.nanoTime();
    for (int i = 0; i < 10; i++) {
      pacer.beforeReading(100L * MIB);
      pacer.rest();
    }
    assertThat(System.nanoTime() - begun).isLessThan(5_000_000_000L);
  }
}
