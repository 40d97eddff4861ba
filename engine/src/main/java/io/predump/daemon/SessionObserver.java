package io.predump.daemon;

/** Watches every session: metrics, logs. */
@FunctionalInterface
public interface SessionObserver {
  /** {@return what is told of a session, from its beginning on} */
  SessionWatcher watch(ManagedSession session);

  /** A client's request failed or was refused, on either socket; what it did may be told too. */
  default void requestFailed(Failure failure) {}
}
