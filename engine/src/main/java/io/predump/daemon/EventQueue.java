package io.predump.daemon;

import io.predump.engine.FreezeRecord;
import io.predump.engine.StopReason;
import io.predump.images.RoundRecord;
import io.predump.images.RoundRecords;
import io.predump.proto.control.Begun;
import io.predump.proto.control.Event;
import io.predump.proto.control.Progress;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Events of a session on their way to one peer. The session never waits for the peer: of progress
 * only what finds room is kept, and whoever falls behind with the rest is too slow.
 */
final class EventQueue implements SessionWatcher {
  private final BlockingQueue<Event> events;
  private final int forProgress;
  private volatile boolean overrun;
  private volatile boolean ended;

  EventQueue(int room) {
    this.events = new ArrayBlockingQueue<>(room);
    this.forProgress = room / 2;
  }

  /** {@return the next event; null after so long without one} */
  @Nullable Event poll(long millis) {
    try {
      return events.poll(millis, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return null;
    }
  }

  /** {@return whether events were lost because the peer did not take them} */
  boolean overrun() {
    return overrun;
  }

  /** {@return whether the session has let go, and all of it is told} */
  boolean ended() {
    return ended && events.isEmpty();
  }

  private void put(Event.Builder event) {
    if (!events.offer(event.build())) {
      overrun = true;
    }
  }

  @Override
  public void roundStarted(int round) {
    put(Event.newBuilder().setBegun(Begun.newBuilder().setRound(round)));
  }

  @Override
  public void progress(int round, long doneBytes, long totalBytes) {
    if (events.remainingCapacity() > forProgress) {
      put(
          Event.newBuilder()
              .setProgress(
                  Progress.newBuilder()
                      .setRound(round)
                      .setDoneBytes(doneBytes)
                      .setTotalBytes(totalBytes)));
    }
  }

  @Override
  public void roundFinished(RoundRecord record) {
    put(Event.newBuilder().setRound(RoundRecords.message(record)));
  }

  @Override
  public void thawed(FreezeRecord freeze) {
    put(Event.newBuilder().setThawed(WireRounds.of(freeze)));
  }

  @Override
  public void warning(String message) {
    put(Event.newBuilder().setWarning(message));
  }

  @Override
  public void ended(StopReason reason) {
    put(Event.newBuilder().setWarning(reason.sentence()));
  }

  @Override
  public void detached(String why) {
    ended = true;
  }
}
