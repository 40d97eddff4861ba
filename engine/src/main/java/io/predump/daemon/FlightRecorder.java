package io.predump.daemon;

import io.predump.engine.FreezeRecord;
import io.predump.images.RoundRecord;

/** Rounds, their phases and freezes as events of the JDK's flight recorder. */
final class FlightRecorder implements SessionObserver {
  @Override
  public SessionWatcher watch(ManagedSession session) {
    return new SessionWatcher() {
      @Override
      public void roundFinished(RoundRecord record) {
        new RoundEvent(session.id(), record).commit();
        phase(record, "scan", record.scanMicros());
        phase(record, "arm", record.armMicros());
        phase(record, "read", record.readMicros());
        phase(record, "compress", record.compressMicros());
        phase(record, "write", record.writeMicros());
        phase(record, "sync", record.syncMicros());
      }

      private void phase(RoundRecord record, String phase, long micros) {
        new PhaseEvent(session.id(), record.round(), phase, micros).commit();
      }

      @Override
      public void thawed(FreezeRecord freeze) {
        new PhaseEvent(session.id(), 0, "freeze", freeze.frozenMicros()).commit();
      }
    };
  }
}
