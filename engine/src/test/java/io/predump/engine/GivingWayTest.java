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
    assertThat(nanosOfAFrame(new GivingWay(true))).isPositive();
  }

  @Test
  void whoIsNotDoesNotEvenLookAtTheClock() {
    GivingWay way = new GivingWay(false);
    way.now();
    assertThat(nanosOfAFrame(way)).isZero();
  }
}
