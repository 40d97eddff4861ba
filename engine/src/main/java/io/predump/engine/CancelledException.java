package io.predump.engine;

import java.io.IOException;

/** The caller asked to stop while a round was under way; the round is dropped. */
final class CancelledException extends IOException {
  private static final long serialVersionUID = 1L;

  CancelledException() {
    super("interrupted");
  }
}
