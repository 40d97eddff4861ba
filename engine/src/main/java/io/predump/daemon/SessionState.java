package io.predump.daemon;

/** What a session is doing. */
public enum SessionState {
  /** It is attaching. */
  ATTACHING,
  /** It tracks, and waits for something to do. */
  IDLE,
  /** It does what was asked of it, or a round of its own. */
  BUSY,
  /** The target has ended; nothing is tracked any more. */
  ENDED,
  /** It has let go of the target. */
  DETACHED
}
