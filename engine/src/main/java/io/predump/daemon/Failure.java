package io.predump.daemon;

import io.predump.criu.CriuException;
import io.predump.engine.TargetRefusedException;
import io.predump.images.ImageException;
import io.predump.linux.Errno;
import io.predump.linux.SyscallException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.Set;
import java.util.concurrent.ExecutionException;

/**
 * A failure as others see it: the one place that decides its code and its words.
 *
 * @param code what kind it is
 * @param message one line, {@code what failed: why}
 */
public record Failure(ErrorCode code, String message) {
  private static final Set<Errno> LACKING_ERRNOS =
      Set.of(Errno.EPERM, Errno.EACCES, Errno.ENOSYS, Errno.ENOTTY);

  /** {@return what a failure is to others} */
  public static Failure of(Throwable failure) {
    return new Failure(code(failure), text(failure));
  }

  private static ErrorCode code(Throwable failure) {
    if (failure instanceof DaemonException daemon) {
      return daemon.code();
    }
    if (failure instanceof TargetRefusedException refused) {
      return switch (refused.kind()) {
        case USAGE -> ErrorCode.USAGE;
        case EXITED -> ErrorCode.TARGET_GONE;
        case BUSY, LACKING -> ErrorCode.LACKING;
      };
    }
    if (failure instanceof CriuException criu) {
      return switch (criu.kind()) {
        case LACKING -> ErrorCode.LACKING;
        case FAILED -> ErrorCode.FAILURE;
        case USAGE -> ErrorCode.USAGE;
      };
    }
    if (failure instanceof ImageException) {
      return ErrorCode.IMAGE;
    }
    if (failure instanceof SyscallException syscall) {
      if (syscall.is(Errno.ESRCH)) {
        return ErrorCode.TARGET_GONE;
      }
      return LACKING_ERRNOS.contains(syscall.errno()) ? ErrorCode.LACKING : ErrorCode.FAILURE;
    }
    // the architecture that is not bound, a file that is not ours to read
    if (failure instanceof UnsupportedOperationException
        || failure instanceof AccessDeniedException) {
      return ErrorCode.LACKING;
    }
    Throwable cause = cause(failure);
    return cause == failure ? ErrorCode.FAILURE : code(cause);
  }

  /** {@return the failure that a wrapper wraps, or the failure itself} */
  public static Throwable cause(Throwable failure) {
    Throwable cause = failure.getCause();
    boolean wrapper =
        failure instanceof UncheckedIOException
            || failure instanceof ExecutionException
            || cause instanceof OutOfMemoryError;
    return wrapper && cause != null ? cause : failure;
  }

  private static String text(Throwable failure) {
    Throwable cause = cause(failure);
    String text = cause != failure ? text(cause) : describe(failure);
    return text.replaceAll("\\s*\\R\\s*", " ").strip();
  }

  private static String describe(Throwable failure) {
    String message = failure.getMessage();
    if (failure instanceof OutOfMemoryError) {
      return outOfMemory(String.valueOf(message));
    }
    if (failure instanceof FileSystemException file && file.getReason() == null) {
      return file.getFile() + ": " + reason(file);
    }
    if (failure instanceof InterruptedException) {
      return "interrupted";
    }
    boolean expected =
        failure instanceof IOException || failure instanceof UnsupportedOperationException;
    if (expected && message != null && !message.isBlank()) {
      return message;
    }
    return "internal error: "
        + failure.getClass().getName()
        + (message == null ? "" : ": " + message)
        + " (PREDUMP_DEBUG=1 shows where)";
  }

  /** The limits stand on the command line, where {@code JAVA_TOOL_OPTIONS} does not reach them. */
  private static String outOfMemory(String message) {
    String text = "out of memory: " + message;
    if (message.contains("direct buffer")) {
      return text + ": raise the limit, such as _JAVA_OPTIONS=-XX:MaxDirectMemorySize=1g";
    }
    if (message.contains("native thread")) {
      return text + ": raise the limit on threads, or take fewer with --threads";
    }
    return text
        + ": the heap limit is "
        + (Runtime.getRuntime().maxMemory() >> 20)
        + " MiB; raise it, such as _JAVA_OPTIONS=-Xmx1g";
  }

  /** The JDK leaves out the reason where the class says it. */
  private static String reason(FileSystemException e) {
    if (e instanceof NoSuchFileException) {
      return "no such file or directory";
    }
    if (e instanceof AccessDeniedException) {
      return "permission denied";
    }
    if (e instanceof NotDirectoryException) {
      return "not a directory";
    }
    if (e instanceof FileAlreadyExistsException) {
      return "exists already";
    }
    return e instanceof DirectoryNotEmptyException ? "not empty" : "input/output error";
  }
}
