package io.predump.cli;

import io.predump.daemon.Failure;
import picocli.CommandLine.ParameterException;

/** A failure as one line, {@code what failed: why}. */
final class ErrorText {
  private ErrorText() {}

  /** {@return the line, without {@code predump:} in front} */
  static String of(Throwable failure) {
    if (failure instanceof ParameterException usage && usage.getMessage() != null) {
      return usage.getMessage().replaceAll("\\s*\\R\\s*", " ").strip();
    }
    return Failure.of(failure).message();
  }
}
