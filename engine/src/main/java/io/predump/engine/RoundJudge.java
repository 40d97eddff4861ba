package io.predump.engine;

import io.predump.images.RoundRecord;
import java.io.IOException;
import java.util.Optional;

/** Is asked about a live round. */
interface RoundJudge {
  /** Takes every round, and never says stop. */
  RoundJudge INDIFFERENT = record -> Optional.empty();

  /**
   * {@return whether to copy what the scan found; if not, it stays owed, and the round is dropped}
   */
  default boolean admits(long plannedBytes) throws IOException {
    return true;
  }

  /** {@return the most bytes the round may store; beyond it, it is dropped, as if not admitted} */
  default long mostStoredBytes() {
    return Long.MAX_VALUE;
  }

  /** The round was dropped because it stored more than it might. */
  default void overspent() {}

  /** {@return why to stop after a round, all but its stop reason filled in; this goes into it} */
  Optional<StopReason> judge(RoundRecord round);
}
