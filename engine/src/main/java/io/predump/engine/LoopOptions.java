package io.predump.engine;

import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Bounds and goal of one run of the loop.
 *
 * @param rounds live rounds at most, the final one not counted; 0: no limit
 * @param downtimeLimit goal for the final freeze; zero never stops the rounds by itself
 * @param deadline time from the start after which no further live round begins
 * @param finalMode how the run ends
 * @param verify whether the committed files are compared with the frozen memory; needs {@link
 *     FinalMode#FREEZE}
 * @param byteBudget bytes the live rounds of this run may store; a round that is expected to exceed
 *     them is not taken. The first round and the final one are taken whatever they need
 * @param rpo how old the newest committed round may become. Rounds then go on at that pace until a
 *     bound, a signal or the target ends them: converging is no reason to stop
 * @param deferHot whether pages that are written round after round are left to the freeze; needs a
 *     freeze and a downtime limit
 */
public record LoopOptions(
    int rounds,
    Duration downtimeLimit,
    Optional<Duration> deadline,
    FinalMode finalMode,
    boolean verify,
    OptionalLong byteBudget,
    Optional<Duration> rpo,
    boolean deferHot) {

  /** Eight rounds, 20 ms, no deadline, a freeze, no comparison, no other bound. */
  public static final LoopOptions DEFAULT =
      new LoopOptions(8, Duration.ofMillis(20), Optional.empty(), FinalMode.FREEZE, false);

  public LoopOptions {
    if (rounds < 0) {
      throw new IllegalArgumentException("rounds=" + rounds + ": at least 1, or 0 for no limit");
    }
    if (verify && finalMode == FinalMode.NONE) {
      throw new IllegalArgumentException("verify needs a final freeze");
    }
    if (byteBudget.isPresent() && byteBudget.getAsLong() <= 0) {
      throw new IllegalArgumentException(
          "byteBudget=" + byteBudget.getAsLong() + ": at least 1 byte");
    }
    if (rpo.isPresent() && (rpo.get().isZero() || rpo.get().isNegative())) {
      throw new IllegalArgumentException("rpo=" + rpo.get() + ": longer than nothing");
    }
    if (deferHot && (finalMode == FinalMode.NONE || rpo.isPresent())) {
      throw new IllegalArgumentException(
          "hot pages can be deferred to a final freeze only, and not with an rpo: the newest round"
              + " must be whole then");
    }
  }

  /** The same without a budget, an rpo, and deferral. */
  public LoopOptions(
      int rounds,
      Duration downtimeLimit,
      Optional<Duration> deadline,
      FinalMode finalMode,
      boolean verify) {
    this(
        rounds,
        downtimeLimit,
        deadline,
        finalMode,
        verify,
        OptionalLong.empty(),
        Optional.empty(),
        false);
  }

  /** {@return these options with a bound on the bytes stored by live rounds} */
  public LoopOptions withByteBudget(long bytes) {
    return new LoopOptions(
        rounds, downtimeLimit, deadline, finalMode, verify, OptionalLong.of(bytes), rpo, deferHot);
  }

  /** {@return these options with a bound on the age of the newest round} */
  public LoopOptions withRpo(Duration newRpo) {
    return new LoopOptions(
        rounds,
        downtimeLimit,
        deadline,
        finalMode,
        verify,
        byteBudget,
        Optional.of(newRpo),
        deferHot);
  }

  /** {@return these options with hot pages left to the freeze, or not} */
  public LoopOptions withDeferHot(boolean deferred) {
    return new LoopOptions(
        rounds, downtimeLimit, deadline, finalMode, verify, byteBudget, rpo, deferred);
  }
}
