package io.predump.images;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.util.Random;
import org.junit.jupiter.api.Test;

class FrameCodecTest {
  private static ByteBuffer direct(byte[] bytes) {
    return ByteBuffer.allocateDirect(bytes.length).put(bytes).flip();
  }

  @Test
  void digestIsXxh3Of128Bits() {
    try (FrameCodec codec = new FrameCodec(1)) {
      // `printf "" | xxhsum -H2` and `printf abc | xxhsum -H2`
      assertThat(codec.digest(direct(new byte[0]))).hasToString("99aa06d3014798d86001c324468d497f");
      assertThat(codec.digest(direct(new byte[] {'a', 'b', 'c'})))
          .hasToString("06b05ab6733a618578af5f94892f3950");
    }
  }

  @Test
  void compressLeavesTheFrameReadyAndTheSourceAlone() throws Exception {
    byte[] content = new byte[3 * 4096];
    new Random(7).nextBytes(content);
    ByteBuffer source = ByteBuffer.allocateDirect(content.length + 100);
    source.position(50).put(content).position(50).limit(50 + content.length);
    ByteBuffer frame = ByteBuffer.allocateDirect(FrameCodec.maxFrameBytes(content.length));
    frame.position(9).limit(10);
    try (FrameCodec codec = new FrameCodec(1)) {
      int bytes = codec.compress(source, frame);
      assertThat(bytes).isEqualTo(frame.remaining()).isLessThanOrEqualTo(frame.capacity());
      assertThat(frame.position()).isZero();
      assertThat(source.position()).isEqualTo(50);
      assertThat(source.remaining()).isEqualTo(content.length);
      byte[] compressed = new byte[bytes];
      frame.get(compressed);
      byte[] back = new byte[content.length];
      codec.decompress(compressed, bytes, back, back.length);
      assertThat(back).isEqualTo(content);
      assertThatThrownBy(() -> codec.decompress(compressed, bytes - 1, back, back.length))
          .isInstanceOf(FrameCodec.FrameException.class);
      assertThatThrownBy(() -> codec.decompress(compressed, bytes, new byte[4096], 4096))
          .isInstanceOf(FrameCodec.FrameException.class);
      assertThatThrownBy(() -> codec.decompress(compressed, bytes, new byte[5 * 4096], 5 * 4096))
          .isInstanceOf(FrameCodec.FrameException.class)
          .hasMessage("source bytes expected=20480 actual=12288");
    }
  }

  @Test
  void refusesWhatIsNotAFrameSource() {
    try (FrameCodec codec = new FrameCodec(1)) {
      ByteBuffer frame = ByteBuffer.allocateDirect(FrameCodec.maxFrameBytes(2 << 20));
      assertThatThrownBy(() -> codec.compress(ByteBuffer.allocate(4096), frame))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("compress: buffer not direct");
      assertThatThrownBy(() -> codec.compress(ByteBuffer.allocateDirect((1 << 20) + 1), frame))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("compress: sourceBytes=1048577");
      assertThatThrownBy(
              () -> codec.compress(ByteBuffer.allocateDirect(4096), ByteBuffer.allocateDirect(99)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("compress: frame capacity=99 sourceBytes=4096");
    }
    assertThatThrownBy(() -> new FrameCodec(23))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("zstd level=23: not in -131072..22");
  }
}
