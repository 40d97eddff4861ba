package io.predump.engine;

import java.io.IOException;

/** The address space attached to is no more: the target exited, or executed another program. */
final class TargetGoneException extends IOException {
  private static final long serialVersionUID = 1L;

  TargetGoneException() {
    super("the target is gone");
  }
}
