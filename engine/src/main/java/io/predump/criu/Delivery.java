package io.predump.criu;

import java.io.IOException;

/** Puts a durable checkpoint where it was asked for, as long as the tree can still run on. */
public interface Delivery {
  /**
   * Puts it there, whole or not at all.
   *
   * @throws IOException if it cannot: the dump fails, and the tree runs on
   */
  void deliver() throws IOException;
}
