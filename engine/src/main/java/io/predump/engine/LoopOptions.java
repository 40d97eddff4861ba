package io.predump.engine;

import java.time.Duration;
import java.util.Optional;

/**
 * Bounds and goal of one run of the loop.
 *
 * @param rounds live rounds at most, at least 1, the final one not counted
 * @param downtimeLimit goal for the final freeze; zero never stops the rounds by itself
 * @param deadline time from the start after which no further live round begins
 * @param finalMode how the run ends
 * @param verify whether the committed files are compared with the frozen memory; needs {@link
 *     FinalMode#FREEZE}
 */
public record LoopOptions(
    int rounds,
    Duration downtimeLimit,
    Optional<Duration> deadline,
    FinalMode finalMode,
    boolean verify) {

  /** Eight rounds, 20 ms, no deadline, a freeze, no comparison. */
  public static final LoopOptions DEFAULT =
      new LoopOptions(8, Duration.ofMillis(20), Optional.empty(), FinalMode.FREEZE, false);

  public LoopOptions {
    if (rounds < 1) {
      throw new IllegalArgumentException("rounds=" + rounds + ": at least 1");
    }
    if (verify && finalMode == FinalMode.NONE) {
      throw new IllegalArgumentException("verify needs a final freeze");
    }
  }
}
