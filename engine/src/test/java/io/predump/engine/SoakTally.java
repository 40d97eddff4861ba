package io.predump.engine;

/** What a soak has done so far. */
final class SoakTally {
  private int sessions;
  private int rounds;
  private long compared;
  private long different;

  /** Counts a session that ended with a comparison. */
  void add(int sessionRounds, VerifyResult verify) {
    sessions++;
    rounds += sessionRounds;
    compared += verify.compared();
    different += verify.different();
  }

  /** Adds what another one counted. */
  void add(SoakTally other) {
    sessions += other.sessions;
    rounds += other.rounds;
    compared += other.compared;
    different += other.different;
  }

  @Override
  public String toString() {
    return String.format(
        "%d sessions, %d rounds, %,d pages compared, %d different",
        sessions, rounds, compared, different);
  }
}
