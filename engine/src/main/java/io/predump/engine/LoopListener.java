package io.predump.engine;

import io.predump.images.RoundRecord;

/** Is told how a run goes. Calls come from the engine's threads, one at a time. */
public interface LoopListener {
  /** Ignores everything. */
  LoopListener SILENT = new LoopListener() {};

  /**
   * The tracker is attached.
   *
   * @param description the tracker and why it was picked
   */
  default void attached(String description) {}

  /** Something the operator should know. */
  default void warning(String message) {}

  /** A round begins; the final one too. */
  default void roundStarted(int round) {}

  /**
   * Part of a round's pages is copied; at most some ten calls a second.
   *
   * @param doneBytes bytes read so far
   * @param totalBytes bytes to read in this round
   */
  default void progress(int round, long doneBytes, long totalBytes) {}

  /** A round is committed and durable. */
  default void roundFinished(RoundRecord record) {}

  /** The process runs again after the final freeze. */
  default void thawed(FreezeRecord freeze) {}

  /**
   * Huge pages that tracking had split are put together again, at the very end.
   *
   * @param restored how many are huge again
   * @param wanted how many were huge once and are full of pages
   */
  default void hugePagesRestored(long restored, long wanted) {}
}
