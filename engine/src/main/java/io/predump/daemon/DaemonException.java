package io.predump.daemon;

import java.io.IOException;

/** The daemon refuses, or a request to it failed; the message says what and why. */
public final class DaemonException extends IOException {
  private static final long serialVersionUID = 1L;

  private final ErrorCode code;

  /** States why. */
  public DaemonException(ErrorCode code, String message) {
    super(message);
    this.code = code;
  }

  /** {@return what kind of failure it is} */
  public ErrorCode code() {
    return code;
  }
}
