package io.predump.engine;

import io.predump.images.RoundRecord;
import java.time.Duration;
import java.util.Optional;

/**
 * Decides whether another live round is worth it, and whether there is room for it.
 *
 * <p>After each round, first match wins: nothing written; predicted downtime within the limit;
 * limit on rounds; deadline; two rounds in a row that wrote at least 0.9 times what the one before
 * wrote; a gain that would not repay the round. The first round says nothing about the dirty rate,
 * so only the round limit and the deadline can end the loop after it. With a bound on the age of
 * the newest round, only those two end it at all.
 *
 * <p>Once a round's scan says what it would copy, and before it copies: the budget of stored bytes;
 * free space on the disk for less than twice that, for what a round may write the freeze may have
 * to write again. The first round is always taken: nothing is known of how it compresses, and a
 * chain without it is nothing.
 */
final class ConvergencePolicy {
  private static final double NO_PROGRESS_RATIO = 0.9;
  private static final int NO_PROGRESS_ROUNDS = 2;
  private static final double MARGINAL_SHARE = 0.02;
  private static final int DISK_FACTOR = 2;

  private final LoopOptions options;
  private int rounds;
  private long writtenBefore = -1;
  private int withoutProgress;
  private long storedBytes;
  private double storedPerRead;

  ConvergencePolicy(LoopOptions options) {
    this.options = options;
  }

  /**
   * Judges a round that is scanned and not copied yet.
   *
   * @param plannedBytes what it would read
   * @param freeDiskBytes space where it would be written
   * @return why not to take it, or empty to go on
   */
  Optional<StopReason> admit(long plannedBytes, long freeDiskBytes) {
    if (rounds == 0 || plannedBytes == 0) {
      return Optional.empty();
    }
    double expected = storedBytes + plannedBytes * storedPerRead;
    if (options.byteBudget().isPresent() && expected > options.byteBudget().getAsLong()) {
      return Optional.of(StopReason.BYTE_BUDGET);
    }
    if (freeDiskBytes / DISK_FACTOR < plannedBytes) {
      return Optional.of(StopReason.FREE_DISK);
    }
    return Optional.empty();
  }

  /** {@return bytes the next round may store; what it was expected to need may be wrong} */
  long mostStoredBytes() {
    return rounds == 0 || options.byteBudget().isEmpty()
        ? Long.MAX_VALUE
        : Math.max(0, options.byteBudget().getAsLong() - storedBytes);
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
    storedBytes += round.bytes().stored();
    if (round.bytes().read() > 0) {
      storedPerRead = (double) round.bytes().stored() / round.bytes().read();
    }
    boolean converges = round.dirtyRate().windowMillis() > 0 && options.rpo().isEmpty();
    Optional<StopReason> reason = Optional.empty();
    if (converges) {
      reason = judgeContent(round);
    }
    if (reason.isEmpty() && options.rounds() > 0 && rounds >= options.rounds()) {
      reason = Optional.of(StopReason.ROUND_LIMIT);
    }
    if (reason.isEmpty()
        && options.deadline().isPresent()
        && elapsed.compareTo(options.deadline().get()) >= 0) {
      reason = Optional.of(StopReason.DEADLINE);
    }
    if (reason.isEmpty() && converges) {
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
