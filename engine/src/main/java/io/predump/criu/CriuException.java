package io.predump.criu;

import java.io.IOException;

/** A step that CRIU has a part in failed; says which, and what CRIU said last. */
public final class CriuException extends IOException {
  private static final long serialVersionUID = 1;

  /** What kind of failure it is. */
  public enum Kind {
    /** There is no criu to use, or it is too old, or cannot do what this target needs. */
    LACKING,
    /** CRIU ran and failed, or would. */
    FAILED,
    /** The request cannot be. */
    USAGE
  }

  private final Kind kind;

  CriuException(Kind kind, String message) {
    super(message);
    this.kind = kind;
  }

  /** {@return what kind of failure it is} */
  public Kind kind() {
    return kind;
  }
}
