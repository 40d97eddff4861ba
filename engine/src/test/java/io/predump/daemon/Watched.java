package io.predump.daemon;

import io.predump.engine.FreezeRecord;
import io.predump.engine.StopReason;
import io.predump.images.RoundRecord;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** Writes down what a watcher is told. */
final class Watched implements SessionWatcher {
  final List<String> events = new CopyOnWriteArrayList<>();

  @Override
  public void attached(String description) {
    events.add("attached");
  }

  @Override
  public void roundFinished(RoundRecord record) {
    events.add("round " + record.round());
  }

  @Override
  public void thawed(FreezeRecord freeze) {
    events.add("thawed");
  }

  @Override
  public void failed(Failure failure) {
    events.add("failed " + failure.code() + " " + failure.message());
  }

  @Override
  public void ended(StopReason reason) {
    events.add("ended " + reason);
  }

  @Override
  public void detached(String why) {
    events.add("detached: " + why);
  }
}
