package io.predump.engine;

import io.predump.linux.Freeze;
import io.predump.linux.ThreadPriority;
import java.io.IOException;
import java.util.concurrent.locks.LockSupport;

/** A process tree all of whose threads stand still, until it is closed. */
final class FrozenTree implements AutoCloseable {
  private static final int MOST_ATTEMPTS = 4;
  private static final long ATTEMPT_PAUSE_NANOS = 300_000_000;

  private final Freeze freeze;
  private final String method;
  private final ThreadPriority priority;
  private final long stoppedNanos = System.nanoTime();
  private boolean thawed;

  private FrozenTree(Freeze freeze, String method, ThreadPriority priority) {
    this.freeze = freeze;
    this.method = method;
    this.priority = priority;
  }

  /**
   * Stops all threads of all processes of the tree.
   *
   * @param method how; borrowed
   * @throws IOException if one does not stop in time; all of them run on
   */
  static FrozenTree open(TargetTree tree, SessionOptions options, FreezeMethod method)
      throws IOException {
    for (int attempt = 1; ; attempt++) {
      try {
        return openOnce(tree, options, method);
      } catch (IOException e) {
        if (!method.isPassing(e) || attempt == MOST_ATTEMPTS) {
          throw e;
        }
        LockSupport.parkNanos(ATTEMPT_PAUSE_NANOS);
      }
    }
  }

  private static FrozenTree openOnce(TargetTree tree, SessionOptions options, FreezeMethod method)
      throws IOException {
    ThreadPriority priority = ThreadPriority.raise();
    FrozenTree opened = null;
    Freeze freeze = null;
    try {
      freeze = method.freeze(tree, options.freezeTimeout());
      tree.requireNoSharerLeftOut();
      opened = new FrozenTree(freeze, method.description(), priority);
      return opened;
    } finally {
      if (opened == null) {
        priority.close();
        if (freeze != null) {
          freeze.close();
        }
      }
    }
  }

  /** {@return what stopped them, in a word or two} */
  String method() {
    return method;
  }

  /** {@return the time before the first thread was asked to stop} */
  long beganNanos() {
    return freeze.frozenSinceNanos();
  }

  /** {@return the time when the last thread had stopped} */
  long stoppedNanos() {
    return stoppedNanos;
  }

  int threadCount() {
    return freeze.threadCount();
  }

  /** {@return the time after the last thread was let go; closed only} */
  long thawedNanos() {
    return freeze.thawedNanos();
  }

  /**
   * Makes sure that nobody else has let them go meanwhile.
   *
   * @throws IOException naming who could
   */
  void requireHeld() throws IOException {
    freeze.requireHeld();
  }

  /** Lets all threads go. Further calls do nothing. */
  @Override
  public void close() {
    if (!thawed) {
      thawed = true;
      priority.close();
      freeze.close();
    }
  }
}
