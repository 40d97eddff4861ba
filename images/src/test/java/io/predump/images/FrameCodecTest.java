package io.predump.images;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.luben.zstd.Zstd;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

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

  @ParameterizedTest
  @ValueSource(ints = {4096, 128 << 10, (128 << 10) + 4096, 1 << 20})
  void whatIsStoredRawIsAFrameLikeAnyOtherAndItsChecksumHolds(int size) throws Exception {
    byte[] content = new byte[size];
    new Random(size).nextBytes(content);
    ByteBuffer source = ByteBuffer.allocateDirect(size).put(content).flip();
    ByteBuffer frame = ByteBuffer.allocateDirect(FrameCodec.maxFrameBytes(size));
    try (FrameCodec codec = new FrameCodec(1)) {
      int bytes = codec.store(source, frame);
      assertThat(bytes).isEqualTo(frame.remaining());
      assertThat(source.remaining()).isEqualTo(size);
      byte[] stored = new byte[bytes];
      frame.get(stored);
      byte[] back = new byte[size];
      codec.decompress(stored, bytes, back, size);
      assertThat(back).isEqualTo(content);
      assertThat(Zstd.getFrameContentSize(stored)).isEqualTo(size);

      stored[bytes / 2] ^= 1;
      assertThatThrownBy(() -> codec.decompress(stored, bytes, back, size))
          .isInstanceOf(FrameCodec.FrameException.class)
          .hasMessageContaining("checksum");
    }
  }

  @Test
  void tellsWhatCompressesFromWhatDoesNot() {
    byte[] noise = new byte[1 << 20];
    new Random(3).nextBytes(noise);
    byte[] halfText = noise.clone();
    Arrays.fill(halfText, 0, halfText.length / 2, (byte) 'a');
    byte[] page = new byte[4096];
    try (FrameCodec codec = new FrameCodec(1)) {
      assertThat(codec.isCompressible(direct(noise))).isFalse();
      assertThat(codec.isCompressible(direct(halfText))).isTrue();
      assertThat(codec.isCompressible(direct(page))).isTrue();
      assertThat(codec.isCompressible(direct(Arrays.copyOf(noise, 4096)))).isFalse();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {4096, 32 << 10, (32 << 10) + 4096, 1 << 20})
  void aFrameMadePieceByPieceIsAFrameLikeAnyOther(int size) throws Exception {
    byte[] noise = new byte[size];
    new Random(size).nextBytes(noise);
    byte[] text = new byte[size];
    for (int i = 0; i < size; i++) {
      text[i] = (byte) (noise[i] & 7);
    }
    ByteBuffer frame = ByteBuffer.allocateDirect(FrameCodec.maxFrameBytes(size));
    try (FrameCodec codec = new FrameCodec(1)) {
      int atOnce = codec.compress(direct(text), frame);
      for (byte[] content : List.of(noise, text, noise)) {
        int[] calls = {0};
        ByteBuffer source = direct(content);
        int bytes = codec.compress(source, frame, () -> calls[0]++);
        assertThat(calls[0]).isEqualTo((size - 1) / (32 << 10));
        assertThat(bytes).isEqualTo(frame.remaining());
        assertThat(source.remaining()).isEqualTo(size);
        byte[] made = new byte[bytes];
        frame.get(made);
        assertThat(Zstd.getFrameContentSize(made)).isEqualTo(size);
        byte[] back = new byte[size];
        codec.decompress(made, bytes, back, size);
        assertThat(back).isEqualTo(content);
        assertThat(content == text ? bytes : 0).isLessThan(atOnce + atOnce / 20 + 100);

        made[bytes - 1] ^= 1;
        assertThatThrownBy(() -> codec.decompress(made, bytes, back, size))
            .isInstanceOf(FrameCodec.FrameException.class)
            .hasMessageContaining("checksum");
      }
      assertThat(codec.compress(direct(text), frame)).isEqualTo(atOnce);
    }
  }

  @Test
  void halfAFrameLeavesNothingBehind() {
    byte[] text = new byte[1 << 20];
    Arrays.fill(text, (byte) 'a');
    ByteBuffer frame = ByteBuffer.allocateDirect(FrameCodec.maxFrameBytes(text.length));
    try (FrameCodec codec = new FrameCodec(1)) {
      int whole = codec.compress(direct(text), frame, () -> {});
      assertThatThrownBy(
              () ->
                  codec.compress(
                      direct(text),
                      frame,
                      () -> {
                        throw new IllegalStateException("interrupted");
                      }))
          .hasMessage("interrupted");
      assertThat(codec.compress(direct(text), frame, () -> {})).isEqualTo(whole);
    }
  }

  @Test
  void anotherLevelTakesEffectAtOnce() {
    byte[] text = new byte[1 << 20];
    Random random = new Random(5);
    for (int i = 0; i < text.length; i++) {
      text[i] = (byte) ('a' + Math.abs((int) (random.nextGaussian() * 4)) % 26);
    }
    ByteBuffer frame = ByteBuffer.allocateDirect(FrameCodec.maxFrameBytes(text.length));
    try (FrameCodec codec = new FrameCodec(-20)) {
      int fast = codec.compress(direct(text), frame);
      codec.level(6);
      int slow = codec.compress(direct(text), frame);
      codec.level(-20);
      assertThat(slow).isLessThan(fast);
      assertThat(codec.compress(direct(text), frame)).isEqualTo(fast);
      assertThatThrownBy(() -> codec.level(23)).hasMessage("zstd level=23: not in -131072..22");
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
