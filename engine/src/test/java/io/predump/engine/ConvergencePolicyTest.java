package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.images.RoundRecord;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class ConvergencePolicyTest {
  private static final Duration NO_TIME = Duration.ZERO;

  /** A round, described by what the policy looks at. */
  private static final class Round {
    private long written = 1000;
    private long owed;
    private long downtimeMicros = 1_000_000;
    private long windowMillis = 100;
    private long totalMicros = 10_000;
    private long readBytes = 4096L * 1000;

    Round written(long pages) {
      written = pages;
      readBytes = 4096L * pages;
      return this;
    }

    Round owed(long pages) {
      owed = pages;
      return this;
    }

    Round downtimeMicros(long micros) {
      downtimeMicros = micros;
      return this;
    }

    Round first() {
      windowMillis = 0;
      return this;
    }

    Round totalMicros(long micros) {
      totalMicros = micros;
      return this;
    }

    Round readBytes(long bytes) {
      readBytes = bytes;
      return this;
    }

    RoundRecord record() {
      return new RoundRecord(
          1,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
          totalMicros,
          new RoundRecord.VmaCounts(0, 0, 0, 0),
          new RoundRecord.PageCounts(0, written, 0, 0, 0, owed, 0, 0),
          new RoundRecord.ByteCounts(readBytes, 0),
          new RoundRecord.DirtyRate(0, windowMillis),
          downtimeMicros,
          0,
          "");
    }
  }

  private static ConvergencePolicy policy(int rounds, long downtimeMillis, long deadlineMillis) {
    return new ConvergencePolicy(
        new LoopOptions(
            rounds,
            Duration.ofMillis(downtimeMillis),
            deadlineMillis < 0 ? Optional.empty() : Optional.of(Duration.ofMillis(deadlineMillis)),
            FinalMode.FREEZE,
            false));
  }

  @Test
  void stopsWhenNothingWasWrittenAndNothingIsOwed() {
    ConvergencePolicy policy = policy(8, 20, -1);
    assertThat(policy.judge(new Round().first().record(), NO_TIME)).isEmpty();
    assertThat(policy.judge(new Round().written(0).record(), NO_TIME))
        .contains(StopReason.NOTHING_WRITTEN);
  }

  @Test
  void goesOnWhenNothingWasWrittenButPagesAreOwed() {
    ConvergencePolicy policy = policy(8, 20, -1);
    assertThat(policy.judge(new Round().first().record(), NO_TIME)).isEmpty();
    assertThat(policy.judge(new Round().written(0).owed(5).record(), NO_TIME)).isEmpty();
  }

  @Test
  void stopsWhenThePredictedDowntimeIsWithinTheLimit() {
    assertThat(policy(8, 20, -1).judge(new Round().downtimeMicros(20_000).record(), NO_TIME))
        .contains(StopReason.DOWNTIME_REACHED);
    assertThat(policy(8, 20, -1).judge(new Round().downtimeMicros(20_001).record(), NO_TIME))
        .isEmpty();
  }

  @Test
  void aDowntimeLimitOfZeroNeverStopsTheRounds() {
    assertThat(policy(8, 0, -1).judge(new Round().downtimeMicros(0).record(), NO_TIME)).isEmpty();
  }

  @Test
  void stopsAtTheLimitOnRounds() {
    ConvergencePolicy policy = policy(2, 20, -1);
    assertThat(policy.judge(new Round().first().record(), NO_TIME)).isEmpty();
    assertThat(policy.judge(new Round().written(10).record(), NO_TIME))
        .contains(StopReason.ROUND_LIMIT);
  }

  @Test
  void stopsAtTheDeadline() {
    Duration justBefore = Duration.ofMillis(499);
    Duration then = Duration.ofMillis(500);
    assertThat(policy(8, 20, 500).judge(new Round().first().record(), justBefore)).isEmpty();
    assertThat(policy(8, 20, 500).judge(new Round().first().record(), then))
        .contains(StopReason.DEADLINE);
  }

  @Test
  void stopsAfterTwoRoundsInARowThatHardlyShrank() {
    ConvergencePolicy policy = policy(8, 20, -1);
    assertThat(policy.judge(new Round().first().written(1000).record(), NO_TIME)).isEmpty();
    assertThat(policy.judge(new Round().written(950).record(), NO_TIME)).isEmpty();
    assertThat(policy.judge(new Round().written(900).record(), NO_TIME))
        .contains(StopReason.NO_PROGRESS);
  }

  @Test
  void oneRoundThatShrinksStartsTheCountAgain() {
    ConvergencePolicy policy = policy(8, 20, -1);
    assertThat(policy.judge(new Round().first().written(1000).record(), NO_TIME)).isEmpty();
    assertThat(policy.judge(new Round().written(950).record(), NO_TIME)).isEmpty();
    assertThat(policy.judge(new Round().written(500).record(), NO_TIME)).isEmpty();
    assertThat(policy.judge(new Round().written(480).record(), NO_TIME)).isEmpty();
    assertThat(policy.judge(new Round().written(480).record(), NO_TIME))
        .contains(StopReason.NO_PROGRESS);
  }

  @Test
  void stopsWhenTheGainWouldNotRepayTheRound() {
    ConvergencePolicy policy = policy(8, 20, -1);
    assertThat(policy.judge(new Round().first().written(100).record(), NO_TIME)).isEmpty();
    // 20 pages fewer, read at 4 GB/s, against a round of a second
    Round dear = new Round().written(80).readBytes(4_000_000_000L).totalMicros(1_000_000);
    assertThat(policy.judge(dear.record(), NO_TIME)).contains(StopReason.MARGINAL_GAIN);
  }

  @Test
  void theFirstRoundOnlyEndsByTheRoundLimitOrTheDeadline() {
    Round quiet = new Round().first().written(0).downtimeMicros(0);
    assertThat(policy(8, 20, 500).judge(quiet.record(), NO_TIME)).isEmpty();
    assertThat(policy(1, 20, 500).judge(quiet.record(), NO_TIME)).contains(StopReason.ROUND_LIMIT);
    assertThat(policy(8, 20, 0).judge(quiet.record(), NO_TIME)).contains(StopReason.DEADLINE);
  }

  @Test
  void theFirstRuleThatMatchesGivesTheReason() {
    Duration late = Duration.ofHours(1);
    Round nothing = new Round().written(0).downtimeMicros(0);
    assertThat(policy(1, 20, 500).judge(nothing.record(), late))
        .contains(StopReason.NOTHING_WRITTEN);
    assertThat(policy(1, 20, 500).judge(new Round().downtimeMicros(0).record(), late))
        .contains(StopReason.DOWNTIME_REACHED);
    assertThat(policy(1, 20, 500).judge(new Round().record(), late))
        .contains(StopReason.ROUND_LIMIT);
    assertThat(policy(8, 20, 500).judge(new Round().record(), late)).contains(StopReason.DEADLINE);

    ConvergencePolicy flat = policy(3, 20, -1);
    assertThat(flat.judge(new Round().first().record(), NO_TIME)).isEmpty();
    assertThat(flat.judge(new Round().record(), NO_TIME)).isEmpty();
    assertThat(flat.judge(new Round().record(), NO_TIME)).contains(StopReason.ROUND_LIMIT);
  }
}
