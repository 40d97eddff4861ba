package io.predump.engine;

/** Why the loop took no further live round. Every run ends with exactly one. */
public enum StopReason {
  /** The last round found nothing written and nothing owed. */
  NOTHING_WRITTEN("nothing was written during the last round"),
  /** The predicted downtime is within the limit. */
  DOWNTIME_REACHED("the predicted downtime is within the limit"),
  /** The limit on live rounds is reached. */
  ROUND_LIMIT("the limit on live rounds is reached"),
  /** The deadline is reached. */
  DEADLINE("the deadline is reached"),
  /** Two rounds in a row wrote at least 0.9 times what the round before wrote. */
  NO_PROGRESS("rounds no longer shrink"),
  /** Another round would save less time under the freeze than it costs. */
  MARGINAL_GAIN("another round would gain too little"),
  /** The next round was expected to exceed the bytes that live rounds may store. */
  BYTE_BUDGET("the next round would exceed the byte budget"),
  /** The disk had less than twice the room of what the next round would copy. */
  FREE_DISK("the disk has too little room for another round"),
  /** The caller asked for the end, between two rounds. */
  REQUESTED("the end was asked for"),
  /** The caller asked to stop. */
  INTERRUPTED("interrupted"),
  /** The target exited; the last committed round is good. */
  TARGET_EXITED("the target exited"),
  /** The target replaced its program; the last committed round is good. */
  TARGET_EXECED("the target executed another program");

  private final String sentence;

  StopReason(String sentence) {
    this.sentence = sentence;
  }

  /** {@return the reason as part of a sentence, lower case} */
  public String sentence() {
    return sentence;
  }

  /** {@return whether the target was lost on the way} */
  public boolean targetGone() {
    return this == TARGET_EXITED || this == TARGET_EXECED;
  }
}
