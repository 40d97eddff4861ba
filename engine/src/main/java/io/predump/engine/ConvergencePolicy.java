package io.predump.engine;

import io.predump.images.RoundRecord;
import java.time.Duration;
import java.util.Optional;

/**
 * Decides after each live round whether another one is worth it. The rules, first match wins:
 * nothing written; predicted downtime within the limit; limit on rounds; deadline; two rounds in a
 * row that wrote at least 0.9 times what the one before wrote; a gain that would not repay the
 * round.
 *
 * <p>The first round says nothing about the dirty rate, so only the round limit and the deadline
 * can end the loop after it.
 */
final class ConvergencePolicy {
  private static final double NO_PROGRESS_RATIO = 0.9;
  private static final int NO_PROGRESS_ROUNDS = 2;
  private static final double MARGINAL_SHARE = 0.02;

  private final LoopOptions options;
  private int rounds;
  private long writtenBefore = -1;
  private int withoutProgress;

  ConvergencePolicy(LoopOptions options) {
    this.options = options;
  }

  /**
   * Judges a round.
   *
   * @param round the round just taken, everything but its own stop reason filled in
   * @param elapsed time since the run began
   * @return why to stop, or empty for another round
   */
  Optional<StopReason> judge(RoundRecord round, Duration elapsed) {
    rounds++;
    Optional<StopReason> reason = Optional.empty();
    if (round.dirtyRate().windowMillis() > 0) {
      reason = judgeContent(round);
    }
    if (reason.isEmpty() && rounds >= options.rounds()) {
      reason = Optional.of(StopReason.ROUND_LIMIT);
    }
    if (reason.isEmpty()
        && options.deadline().isPresent()
        && elapsed.compareTo(options.deadline().get()) >= 0) {
      reason = Optional.of(StopReason.DEADLINE);
    }
    if (reason.isEmpty() && round.dirtyRate().windowMillis() > 0) {
      reason = judgeProgress(round);
    }
    writtenBefore = pending(round);
    return reason;
  }

  private Optional<StopReason> judgeContent(RoundRecord round) {
    if (pending(round) == 0) {
      return Optional.of(StopReason.NOTHING_WRITTEN);
    }
    long limitMicros = options.downtimeLimit().toNanos() / 1000;
    if (limitMicros > 0 && round.predictedDowntimeMicros() <= limitMicros) {
      return Optional.of(StopReason.DOWNTIME_REACHED);
    }
    return Optional.empty();
  }

  private Optional<StopReason> judgeProgress(RoundRecord round) {
    long written = pending(round);
    if (writtenBefore < 0) {
      return Optional.empty();
    }
    withoutProgress = written >= NO_PROGRESS_RATIO * writtenBefore ? withoutProgress + 1 : 0;
    if (withoutProgress >= NO_PROGRESS_ROUNDS) {
      return Optional.of(StopReason.NO_PROGRESS);
    }
    double bytesPerMicro =
        Math.max(1.0, (double) round.bytes().read()) / Math.max(1.0, (double) round.totalMicros());
    double savedMicros = (writtenBefore - written) * 4096.0 / bytesPerMicro;
    if (withoutProgress == 0 && savedMicros < MARGINAL_SHARE * round.totalMicros()) {
      return Optional.of(StopReason.MARGINAL_GAIN);
    }
    return Optional.empty();
  }

  /** {@return pages a freeze right after the round's scan would have had to read} */
  private static long pending(RoundRecord round) {
    return Math.max(round.pages().written(), round.pages().owed());
  }
}
