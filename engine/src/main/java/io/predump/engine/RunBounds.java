package io.predump.engine;

import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * The bounds of a run and how it kept them.
 *
 * @param byteBudget bytes its live rounds might store
 * @param bytesPerSecond bytes its live rounds might read in a second
 * @param cpuPercent processor time its workers might use, 100 being one core
 * @param paced whether rounds read no faster than the target wrote
 * @param waitedMicros how long workers waited for the last three, summed over them
 * @param rpoMicros how old the newest round might become
 * @param oldestMicros how old it became at most: the time from the scan of a round to the commit of
 *     the next, or to the end of the run
 */
public record RunBounds(
    OptionalLong byteBudget,
    OptionalLong bytesPerSecond,
    OptionalInt cpuPercent,
    boolean paced,
    long waitedMicros,
    OptionalLong rpoMicros,
    OptionalLong oldestMicros) {
  /** No bound at all. */
  public static final RunBounds NONE =
      new RunBounds(
          OptionalLong.empty(),
          OptionalLong.empty(),
          OptionalInt.empty(),
          false,
          0,
          OptionalLong.empty(),
          OptionalLong.empty());
}
