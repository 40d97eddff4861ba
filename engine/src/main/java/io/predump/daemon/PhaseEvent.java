package io.predump.daemon;

import jdk.jfr.Category;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Timespan;

/** What a part of a round took; recorded when the round is committed, a freeze at the thaw. */
@Name("io.predump.Phase")
@Label("Phase")
@Category("predump")
@StackTrace(false)
final class PhaseEvent extends Event {
  @Label("Session")
  final String session;

  @Label("Round, 0 for a freeze")
  final int round;

  @Label("Phase")
  final String phase;

  @Timespan(Timespan.MICROSECONDS)
  @Label("Time, summed over threads")
  final long micros;

  PhaseEvent(String session, int round, String phase, long micros) {
    this.session = session;
    this.round = round;
    this.phase = phase;
    this.micros = micros;
  }
}
