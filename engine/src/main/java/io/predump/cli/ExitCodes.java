package io.predump.cli;

import io.predump.daemon.ErrorCode;
import io.predump.daemon.Failure;
import io.predump.engine.RunResult;
import io.predump.engine.VerifyResult;
import picocli.CommandLine.ParameterException;

/** The exit codes; those of failures are {@link ErrorCode}'s. */
final class ExitCodes {
  /** Done. */
  static final int DONE = 0;

  /** Something failed. */
  static final int FAILURE = ErrorCode.FAILURE.exitCode();

  /** The request makes no sense. */
  static final int USAGE = ErrorCode.USAGE.exitCode();

  /** The target exited or executed another program on the way. */
  static final int TARGET_GONE = ErrorCode.TARGET_GONE.exitCode();

  /** The kernel or a permission is lacking. */
  static final int LACKING = ErrorCode.LACKING.exitCode();

  /** An image is corrupt, unsupported, or of another process. */
  static final int IMAGE = ErrorCode.IMAGE.exitCode();

  /** A comparison with memory found differences. */
  static final int DIFFERENT = ErrorCode.DIFFERENT.exitCode();

  private ExitCodes() {}

  /** {@return the exit code of a failed command} */
  static int of(Throwable failure) {
    return failure instanceof ParameterException ? USAGE : Failure.of(failure).code().exitCode();
  }

  /** {@return the exit code of a finished run} */
  static int of(RunResult result) {
    if (result.verify().isPresent() && result.verify().get().different() > 0) {
      return DIFFERENT;
    }
    return result.stopReason().targetGone() ? TARGET_GONE : DONE;
  }

  /** {@return the exit code of a comparison} */
  static int of(VerifyResult result) {
    return result.different() > 0 ? DIFFERENT : DONE;
  }
}
