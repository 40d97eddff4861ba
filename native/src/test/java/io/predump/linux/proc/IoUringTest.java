package io.predump.linux.proc;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.linux.AddressRange;
import org.junit.jupiter.api.Test;

final class IoUringTest {
  private static final String HEAD = "pos:\t0\nflags:\t02000002\nSqMask:\t0x3\nUserFiles:\t0\n";

  @Test
  void fixedBuffersAreWidenedToWholePages() {
    IoUring ring =
        IoUring.parse(
            HEAD
                + "UserBufs:\t3\n    0: 0x7ff878c00000/262144\n    1: <none>\n"
                + "    2: 0x7ff878d00800/4096\nPollList:\n");

    assertThat(ring.complete()).isTrue();
    assertThat(ring.fixedBuffers())
        .containsExactly(
            new AddressRange(0x7ff878c00000L, 0x7ff878c40000L),
            new AddressRange(0x7ff878d00000L, 0x7ff878d02000L));
  }

  @Test
  void aRingWithoutBuffersIsComplete() {
    assertThat(IoUring.parse(HEAD + "UserBufs:\t0\nPollList:\n").complete()).isTrue();
  }

  @Test
  void aBusyRingTellsNothingOfItsBuffers() {
    assertThat(IoUring.parse("pos:\t0\nflags:\t02000002\n").complete()).isFalse();
  }

  @Test
  void aListThatIsCutShortIsNotComplete() {
    IoUring ring = IoUring.parse(HEAD + "UserBufs:\t2\n    0: 0x1000/4096\n");

    assertThat(ring.complete()).isFalse();
    assertThat(ring.fixedBuffers()).containsExactly(new AddressRange(0x1000, 0x2000));
  }
}
