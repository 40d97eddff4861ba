package io.predump.engine;

/** How a session takes its last round. */
public enum FinalMode {
  /** No freeze: the images stay as the last live round left them, each page at its own instant. */
  NONE,
  /** All threads are stopped once; the last round is one instant of the process. */
  FREEZE,
  /** A {@link Checkpointer} stops them, and makes the last round a whole checkpoint. */
  CRIU
}
