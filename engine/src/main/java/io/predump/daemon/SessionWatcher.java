package io.predump.daemon;

import io.predump.engine.LoopListener;
import io.predump.engine.StopReason;

/**
 * Is told how a session goes. Calls come from the session's thread and its copying threads, one at
 * a time, and hold it up: a watcher returns at once, and throws nothing.
 */
public interface SessionWatcher extends LoopListener {
  /** A job failed; the session goes on. */
  default void failed(Failure failure) {}

  /** The target has ended. */
  default void ended(StopReason reason) {}

  /**
   * The session has let go of the target: the last call.
   *
   * @param why in words
   */
  default void detached(String why) {}
}
