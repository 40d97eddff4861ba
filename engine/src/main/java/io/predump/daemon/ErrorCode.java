package io.predump.daemon;

/**
 * What kind of failure it is: the exit codes of the command line, and the codes of the protocol.
 */
public enum ErrorCode {
  /** Something failed. */
  FAILURE(1),
  /** The request makes no sense. */
  USAGE(2),
  /** The target exited or executed another program on the way. */
  TARGET_GONE(3),
  /** The kernel or a permission is lacking. */
  LACKING(4),
  /** An image is corrupt, unsupported, or of another process. */
  IMAGE(5),
  /** A comparison with memory found differences. */
  DIFFERENT(6);

  private final int exitCode;

  ErrorCode(int exitCode) {
    this.exitCode = exitCode;
  }

  /** {@return the exit code of a command that fails so; in the protocol the number of the code} */
  public int exitCode() {
    return exitCode;
  }
}
