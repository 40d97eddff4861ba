package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class RateLimitTest {
  @Test
  void whoTakesWaitsUntilWhatWasTakenBeforeIsPaid() {
    RateLimit limit = new RateLimit();
    limit.rate(0.5);
    assertThat(limit.take(100, 1000)).isZero();
    assertThat(limit.take(100, 1000)).isEqualTo(200);
    assertThat(limit.take(100, 1100)).isEqualTo(300);
    assertThat(limit.take(0, 1600)).isZero();
  }

  @Test
  void timeNotUsedIsNotSavedUp() {
    RateLimit limit = new RateLimit();
    limit.rate(1);
    limit.take(100, 0);
    assertThat(limit.take(100, 10_000)).isZero();
    assertThat(limit.take(100, 10_000)).isEqualTo(100);
  }

  @Test
  void withoutARateNobodyWaits() {
    RateLimit limit = new RateLimit();
    assertThat(limit.take(1e12, 0)).isZero();
    assertThat(limit.take(1e12, 0)).isZero();
    limit.rate(1);
    limit.take(10, 0);
    limit.rate(Double.POSITIVE_INFINITY);
    assertThat(limit.take(10, 0)).isZero();
  }
}
