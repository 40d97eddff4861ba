package io.predump.daemon;

/** Watches every session: metrics, logs. */
@FunctionalInterface
public interface SessionObserver {
  /** {@return what is told of a session, from its beginning on} */
  SessionWatcher watch(ManagedSession session);
}
