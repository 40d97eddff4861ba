package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.images.FrameCodec;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class LevelPilotTest {
  private static final long MIB = 1 << 20;

  private static LevelPilot before(double diskBytesPerNano, double readBytesPerNano) {
    LevelPilot pilot = new LevelPilot(2);
    for (int round = 0; round < 40; round++) {
      pilot.learn(
          100 * MIB,
          (long) (100 * MIB * 2 / readBytesPerNano),
          100 * MIB,
          (long) (100 * MIB / diskBytesPerNano));
    }
    return pilot;
  }

  @Test
  void aSlowDiskIsWorthAHigherLevelAndAFastOneIsNot() {
    assertThat(before(0.03, 5).level()).isEqualTo(6);
    assertThat(before(0.3, 5).level()).isEqualTo(3);
    assertThat(before(5, 5).level()).isEqualTo(-5);
  }

  @Test
  void whereReadingDecidesLessIsStored() {
    assertThat(before(5, 0.2).level()).isEqualTo(6);
    assertThat(before(5, 0.6).level()).isEqualTo(3);
  }

  @Test
  void whatFramesShowCounts() {
    LevelPilot pilot = before(0.03, 5);
    assertThat(pilot.level()).as("before").isEqualTo(6);
    for (int i = 0; i < 100; i++) {
      pilot.made(4, MIB, MIB / 2, 100_000_000); // level 6 turns out slow
    }
    assertThat(pilot.level()).isEqualTo(3);
  }

  @Test
  void whileSomebodyStandsStillItHurries() {
    LevelPilot pilot = before(0.03, 5);
    ByteBuffer text = ByteBuffer.allocateDirect((int) MIB);
    Random random = new Random(2);
    while (text.remaining() > 64) {
      text.put(("record " + random.nextInt(5000) + ", ").getBytes(StandardCharsets.US_ASCII));
    }
    text.flip();
    ByteBuffer frame = ByteBuffer.allocateDirect(FrameCodec.maxFrameBytes((int) MIB));
    try (FrameCodec codec = new FrameCodec(1)) {
      int calm = pilot.compress(codec, text, frame, CopyPacer.NONE);
      pilot.hurry(true);
      int hurried = pilot.compress(codec, text, frame, CopyPacer.NONE);
      pilot.hurry(false);
      assertThat(hurried).isGreaterThan(calm);
      assertThat(pilot.compress(codec, text, frame, CopyPacer.NONE)).isEqualTo(calm);
    }
  }

  @Test
  void noiseIsStoredRawAndTextIsNot() {
    LevelPilot pilot = new LevelPilot(2);
    ByteBuffer noise = ByteBuffer.allocateDirect((int) MIB);
    byte[] bytes = new byte[(int) MIB];
    new Random(1).nextBytes(bytes);
    noise.put(bytes).flip();
    ByteBuffer text = ByteBuffer.allocateDirect((int) MIB);
    ByteBuffer frame = ByteBuffer.allocateDirect(FrameCodec.maxFrameBytes((int) MIB));
    try (FrameCodec codec = new FrameCodec(1)) {
      assertThat(pilot.compress(codec, noise, frame, CopyPacer.NONE))
          .isEqualTo((int) MIB + 9 + 8 * 3 + 4);
      assertThat(pilot.compress(codec, text, frame, CopyPacer.NONE)).isLessThan(10_000);
    }
  }
}
