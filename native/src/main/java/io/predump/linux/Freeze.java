package io.predump.linux;

import java.io.IOException;

/** Processes that stand still until this is closed, whatever made them stop. */
public interface Freeze extends AutoCloseable {
  /** Returns the time of {@link System#nanoTime()} before the first thread was asked to stop. */
  long frozenSinceNanos();

  /** Returns the time of {@link System#nanoTime()} after the last thread was let go. */
  long thawedNanos();

  /** Returns the number of threads that stand still. */
  int threadCount();

  /**
   * Makes sure that nobody else has let them go meanwhile.
   *
   * @throws IOException naming who could
   */
  void requireHeld() throws IOException;

  /** Lets all threads go on. Further calls do nothing. */
  @Override
  void close();
}
