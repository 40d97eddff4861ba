package io.predump.daemon;

import io.predump.engine.FreezeRecord;
import io.predump.engine.StopReason;
import io.predump.images.RoundRecord;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;

/** Hands on what happens to all who watch a session; one warning once. */
final class SessionWatchers implements SessionWatcher {
  private final List<SessionWatcher> watchers = new CopyOnWriteArrayList<>();
  private final Set<String> warned = new HashSet<>();

  /** {@return what ends the watching when it is closed} */
  Watching add(SessionWatcher watcher) {
    watchers.add(watcher);
    return () -> watchers.remove(watcher);
  }

  private void each(Consumer<SessionWatcher> call) {
    watchers.forEach(call);
  }

  /** Told once, when the session begins; each loop of rounds would tell it again. */
  void begun(String tracker) {
    each(w -> w.attached(tracker));
  }

  @Override
  public void attached(String description) {}

  @Override
  public void warning(String message) {
    if (warned.add(message)) {
      each(w -> w.warning(message));
    }
  }

  @Override
  public void roundStarted(int round) {
    each(w -> w.roundStarted(round));
  }

  @Override
  public void progress(int round, long doneBytes, long totalBytes) {
    each(w -> w.progress(round, doneBytes, totalBytes));
  }

  @Override
  public void roundFinished(RoundRecord record) {
    each(w -> w.roundFinished(record));
  }

  @Override
  public void thawed(FreezeRecord freeze) {
    each(w -> w.thawed(freeze));
  }

  @Override
  public void hugePagesRestored(long restored, long wanted) {
    each(w -> w.hugePagesRestored(restored, wanted));
  }

  @Override
  public void failed(Failure failure) {
    each(w -> w.failed(failure));
  }

  @Override
  public void ended(StopReason reason) {
    each(w -> w.ended(reason));
  }

  @Override
  public void detached(String why) {
    each(w -> w.detached(why));
  }
}
