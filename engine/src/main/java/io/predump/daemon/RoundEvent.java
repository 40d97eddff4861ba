package io.predump.daemon;

import io.predump.images.RoundRecord;
import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Timespan;

/** A committed round; recorded at its end. */
@Name("io.predump.Round")
@Label("Round")
@Category("predump")
@StackTrace(false)
final class RoundEvent extends Event {
  @Label("Session")
  final String session;

  @Label("Number")
  final int round;

  @Timespan(Timespan.MICROSECONDS)
  @Label("Time")
  final long totalMicros;

  @Timespan(Timespan.MICROSECONDS)
  @Label("Frozen")
  final long frozenMicros;

  @DataAmount
  @Label("Read")
  final long readBytes;

  @DataAmount
  @Label("Stored")
  final long storedBytes;

  @Label("Written pages")
  final long writtenPages;

  @Label("Owed pages")
  final long owedPages;

  RoundEvent(String session, RoundRecord record) {
    this.session = session;
    this.round = record.round();
    this.totalMicros = record.totalMicros();
    this.frozenMicros = record.frozenMicros();
    this.readBytes = record.bytes().read();
    this.storedBytes = record.bytes().stored();
    this.writtenPages = record.pages().written();
    this.owedPages = record.pages().owed();
  }
}
