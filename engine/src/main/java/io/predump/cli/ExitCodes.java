package io.predump.cli;

import io.predump.criu.CriuException;
import io.predump.engine.RunResult;
import io.predump.engine.TargetRefusedException;
import io.predump.engine.VerifyResult;
import io.predump.images.ImageException;
import io.predump.linux.Errno;
import io.predump.linux.SyscallException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import picocli.CommandLine.ParameterException;

/** The one place that decides an exit code. */
final class ExitCodes {
  /** Done. */
  static final int DONE = 0;

  /** Something failed. */
  static final int FAILURE = 1;

  /** The request makes no sense. */
  static final int USAGE = 2;

  /** The target exited or executed another program on the way. */
  static final int TARGET_GONE = 3;

  /** The kernel or a permission is lacking. */
  static final int LACKING = 4;

  /** An image is corrupt, unsupported, or of another process. */
  static final int IMAGE = 5;

  /** A comparison with memory found differences. */
  static final int DIFFERENT = 6;

  private static final Set<Errno> LACKING_ERRNOS =
      Set.of(Errno.EPERM, Errno.EACCES, Errno.ENOSYS, Errno.ENOTTY);

  private ExitCodes() {}

  /** {@return the exit code of a failed command} */
  static int of(Throwable failure) {
    if (failure instanceof ParameterException) {
      return USAGE;
    }
    if (failure instanceof TargetRefusedException refused) {
      return switch (refused.kind()) {
        case USAGE -> USAGE;
        case EXITED -> TARGET_GONE;
        case BUSY, LACKING -> LACKING;
      };
    }
    if (failure instanceof CriuException criu) {
      return switch (criu.kind()) {
        case LACKING -> LACKING;
        case FAILED -> FAILURE;
        case USAGE -> USAGE;
      };
    }
    if (failure instanceof ImageException) {
      return IMAGE;
    }
    if (failure instanceof SyscallException syscall) {
      if (syscall.is(Errno.ESRCH)) {
        return TARGET_GONE;
      }
      return LACKING_ERRNOS.contains(syscall.errno()) ? LACKING : FAILURE;
    }
    // the architecture that is not bound, a file that is not ours to read
    if (failure instanceof UnsupportedOperationException
        || failure instanceof AccessDeniedException) {
      return LACKING;
    }
    Throwable cause = cause(failure);
    return cause == failure ? FAILURE : of(cause);
  }

  /** {@return the failure that a wrapper wraps, or the failure itself} */
  static Throwable cause(Throwable failure) {
    Throwable cause = failure.getCause();
    boolean wrapper =
        failure instanceof UncheckedIOException
            || failure instanceof ExecutionException
            || cause instanceof OutOfMemoryError;
    return wrapper && cause != null ? cause : failure;
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
