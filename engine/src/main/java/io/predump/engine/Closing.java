package io.predump.engine;

/** Closes several things, each of them whatever becomes of the others. */
final class Closing {
  private Closing() {}

  /**
   * Closes all in order.
   *
   * @throws IllegalStateException after the last, if any failed; the first failure is the cause,
   *     the others are suppressed in it
   */
  static void all(Iterable<? extends AutoCloseable> resources) {
    Exception first = null;
    for (AutoCloseable resource : resources) {
      try {
        resource.close();
      } catch (Exception e) {
        if (first == null) {
          first = e;
        } else {
          first.addSuppressed(e);
        }
      }
    }
    if (first != null) {
      throw new IllegalStateException("closing failed: " + first.getMessage(), first);
    }
  }
}
