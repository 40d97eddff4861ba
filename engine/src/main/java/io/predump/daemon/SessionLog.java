package io.predump.daemon;

import io.predump.engine.FreezeRecord;
import io.predump.engine.StopReason;
import io.predump.images.RoundRecord;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What happens to sessions as lines of {@code key=value}, each with the session's id. What
 * strangers chose (names, messages about their files) is quoted; bytes of memory are never in it.
 */
final class SessionLog implements SessionObserver {
  private static final Logger LOG = LoggerFactory.getLogger(SessionLog.class);

  @Override
  public SessionWatcher watch(ManagedSession session) {
    return new Lines(session);
  }

  private record Lines(ManagedSession session) implements SessionWatcher {
    @Override
    public void attached(String description) {
      SessionStatus s = session.status();
      LOG.info(
          "event=attached session={} pid={} process={} uid={} images={} stoppedMicros={}",
          s.id(),
          s.pid(),
          Quoted.of(s.processName()),
          Integer.toUnsignedString(s.uid()),
          Quoted.of(s.imagesDir().toString()),
          s.stoppedMicros());
    }

    @Override
    public void roundFinished(RoundRecord r) {
      LOG.info(
          "event=round session={} round={} totalMicros={} writtenPages={} readBytes={}"
              + " storedBytes={} owedPages={} frozenMicros={} predictedDowntimeMicros={}",
          session.id(),
          r.round(),
          r.totalMicros(),
          r.pages().written(),
          r.bytes().read(),
          r.bytes().stored(),
          r.pages().owed(),
          r.frozenMicros(),
          r.predictedDowntimeMicros());
    }

    @Override
    public void thawed(FreezeRecord f) {
      LOG.info(
          "event=thawed session={} frozenMicros={} threads={} pages={}",
          session.id(),
          f.frozenMicros(),
          f.threadCount(),
          f.pageCount());
    }

    @Override
    public void warning(String message) {
      LOG.warn("event=warning session={} text={}", session.id(), Quoted.of(message));
    }

    @Override
    public void failed(Failure failure) {
      LOG.warn(
          "event=failed session={} code={} reason={}",
          session.id(),
          failure.code(),
          Quoted.of(failure.message()));
    }

    @Override
    public void ended(StopReason reason) {
      LOG.info("event=ended session={} how={}", session.id(), reason);
    }

    @Override
    public void detached(String why) {
      LOG.info("event=detached session={} why={}", session.id(), Quoted.of(why));
    }
  }
}
