package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.images.FrameCodec;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

final class GivingWayTest {
  private static final int MIB = 1 << 20;

  private static long nanosOfAFrame(GivingWay way) {
    ByteBuffer frame = ByteBuffer.allocateDirect(FrameCodec.maxFrameBytes(MIB));
    try (FrameCodec codec = new FrameCodec(1)) {
      way.compress(codec, ByteBuffer.allocateDirect(MIB), frame);
    }
    return way.nanos();
  }

  @Test
  void whoIsBoundedYieldsWhileAFrameIsMade() {
    assertThat(nanosOfAFrame(GivingWay.often())).isPositive();
  }

  @Test
  void pagesAreReadAndLookedAtInPiecesToo() {
    GivingWay way = GivingWay.often();
    int piece = way.mostPages();
    assertThat(piece).isLessThan(CopyPipeline.JOB_PAGES);
    for (int i = 1; i < piece; i++) {
      way.worked(1);
    }
    assertThat(way.nanos()).isZero();
    way.worked(1);
    long first = way.nanos();
    assertThat(first).isPositive();
    way.worked(piece - 1);
    assertThat(way.nanos()).as("counted anew").isEqualTo(first);
  }

  @Test
  void whoIsNotDoesNotEvenLookAtTheClock() {
    GivingWay.NEVER.now();
    GivingWay.NEVER.worked(1000);
    assertThat(nanosOfAFrame(GivingWay.NEVER)).isZero();
    assertThat(GivingWay.NEVER.mostPages()).isGreaterThan(CopyPipeline.JOB_PAGES);
  }
}
