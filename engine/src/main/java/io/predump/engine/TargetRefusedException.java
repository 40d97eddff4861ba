package io.predump.engine;

import java.io.IOException;

/** The process cannot be taken as a target; the message names it and says why. */
public final class TargetRefusedException extends IOException {
  private static final long serialVersionUID = 1L;

  /** What kind of reason it is; the command line maps it to an exit code. */
  public enum Kind {
    /** The request makes no sense: no such process, ourselves, our own child, a kernel thread. */
    USAGE,
    /** The process has exited. */
    EXITED,
    /** No thread of it can be stopped now; later that may be otherwise. */
    BUSY,
    /** The kernel or a permission is lacking, or another tracer is in the way. */
    LACKING
  }

  private final Kind kind;

  /** States why. */
  public TargetRefusedException(Kind kind, String message) {
    super(message);
    this.kind = kind;
  }

  /** {@return what kind of reason it is} */
  public Kind kind() {
    return kind;
  }
}
