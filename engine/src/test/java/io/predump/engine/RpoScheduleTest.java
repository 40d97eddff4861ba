package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

final class RpoScheduleTest {
  private static final long SECOND = 1_000_000_000;

  @Test
  void aRoundBeginsEarlyEnoughToBeDoneInTime() {
    RpoSchedule schedule = new RpoSchedule(Duration.ofSeconds(100));
    assertThat(schedule.untilNext(0)).isZero();
    schedule.committed(0, 40 * SECOND);
    // 100 - 2·40 - 0.05
    assertThat(schedule.untilNext(0)).isEqualTo((long) (19.95 * SECOND));
    schedule.committed(50 * SECOND, 52 * SECOND);
    assertThat(schedule.untilNext(50 * SECOND))
        .as("the first round says nothing of the later ones")
        .isEqualTo((long) (95.95 * SECOND));
    schedule.committed(140 * SECOND, 150 * SECOND);
    assertThat(schedule.untilNext(140 * SECOND)).isEqualTo((long) (79.95 * SECOND));
  }

  @Test
  void theLongestOfThreeRoundsCounts() {
    RpoSchedule schedule = new RpoSchedule(Duration.ofSeconds(100));
    for (int seconds : new int[] {1, 20, 2, 2}) {
      schedule.committed(0, seconds * SECOND);
    }
    assertThat(schedule.untilNext(0)).isEqualTo((long) (59.95 * SECOND));
    schedule.committed(0, 2 * SECOND);
    assertThat(schedule.untilNext(0)).as("forgotten").isEqualTo((long) (95.95 * SECOND));
  }

  @Test
  void theAgeIsFromAScanToTheNextCommitOrTheEnd() {
    RpoSchedule schedule = new RpoSchedule(Duration.ofSeconds(10));
    assertThat(schedule.oldestNanos(5 * SECOND)).isZero();
    schedule.committed(5 * SECOND, 6 * SECOND);
    schedule.committed(12 * SECOND, 14 * SECOND);
    assertThat(schedule.oldestNanos(15 * SECOND)).isEqualTo(9 * SECOND);
    assertThat(schedule.missed(15 * SECOND)).isFalse();
    assertThat(schedule.oldestNanos(23 * SECOND)).isEqualTo(11 * SECOND);
    assertThat(schedule.missed(23 * SECOND)).isTrue();
  }
}
