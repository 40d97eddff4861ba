package io.predump.daemon;

/** Watches every session: metrics, logs. */
@FunctionalInterface
public interface SessionObserver {
  /** {@return what is told of a session, from its beginning on} */
  SessionWatcher watch(ManagedSession session);

  /** A client's request was answered with a failure, on either socket; what it did is told too. */
  default void requestFailed(Failure failure) {}
}
