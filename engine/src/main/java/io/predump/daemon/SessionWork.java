package io.predump.daemon;

import io.predump.engine.PreDumpSession;
import java.io.IOException;

/**
 * Something to do with a session, on its own thread.
 *
 * @param <T> what comes of it
 */
@FunctionalInterface
public interface SessionWork<T> {
  /**
   * Does it. Must not close the session.
   *
   * @throws IOException if it fails; the session goes on
   */
  T with(PreDumpSession session) throws IOException;
}
