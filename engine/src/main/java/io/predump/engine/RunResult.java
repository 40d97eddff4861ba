package io.predump.engine;

import io.predump.images.RoundRecord;
import java.util.List;
import java.util.Optional;

/**
 * What one run did.
 *
 * @param rounds the committed rounds in order, the final one included
 * @param stopReason why no further live round was taken
 * @param freeze the final freeze, absent without one
 * @param verify the comparison, absent if none was asked for
 * @param warnings what the operator should know, in the order it was found
 * @param notVerified why nobody can vouch for the images; empty if they are what memory was
 * @param stoppedMicros how long one thread was stopped to obtain the tracking descriptor
 * @param bounds the bounds it had and how it kept them
 */
public record RunResult(
    List<RoundRecord> rounds,
    StopReason stopReason,
    Optional<FreezeRecord> freeze,
    Optional<VerifyResult> verify,
    List<String> warnings,
    List<String> notVerified,
    long stoppedMicros,
    RunBounds bounds) {

  /** The result of a run without bounds. */
  public RunResult(
      List<RoundRecord> rounds,
      StopReason stopReason,
      Optional<FreezeRecord> freeze,
      Optional<VerifyResult> verify,
      List<String> warnings,
      List<String> notVerified,
      long stoppedMicros) {
    this(rounds, stopReason, freeze, verify, warnings, notVerified, stoppedMicros, RunBounds.NONE);
  }

  public RunResult {
    rounds = List.copyOf(rounds);
    warnings = List.copyOf(warnings);
    notVerified = List.copyOf(notVerified);
  }
}
