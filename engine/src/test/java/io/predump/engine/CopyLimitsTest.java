package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class CopyLimitsTest {
  private static final CopyLimits NONE = CopyLimits.NONE;

  @Test
  void theTighterOfTwoBoundsHolds() {
    CopyLimits one = NONE.withCpuPercent(20).withBytesPerSecond(8 << 20).withPaced(true);
    CopyLimits other = NONE.withCpuPercent(50).withBytesPerSecond(4 << 20);

    CopyLimits both = NONE.withCpuPercent(20).withBytesPerSecond(4 << 20);
    assertThat(one.within(other)).isEqualTo(both.withPaced(true));
    assertThat(other.within(one)).isEqualTo(both);
  }

  @Test
  void whatHasNoBoundTakesTheOthers() {
    CopyLimits bound = NONE.withCpuPercent(20);

    assertThat(NONE.within(bound)).isEqualTo(bound);
    assertThat(bound.within(NONE)).isEqualTo(bound);
    assertThat(NONE.within(NONE)).isEqualTo(NONE);
  }
}
