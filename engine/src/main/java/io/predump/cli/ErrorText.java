package io.predump.cli;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import picocli.CommandLine.ParameterException;

/** A failure as one line, {@code what failed: why}. */
final class ErrorText {
  private ErrorText() {}

  /** {@return the line, without {@code predump:} in front} */
  static String of(Throwable failure) {
    Throwable cause = ExitCodes.cause(failure);
    String text = cause != failure ? of(cause) : describe(failure);
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
        failure instanceof IOException
            || failure instanceof ParameterException
            || failure instanceof UnsupportedOperationException;
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
        + Units.bytes(Runtime.getRuntime().maxMemory())
        + "; raise it, such as _JAVA_OPTIONS=-Xmx1g";
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
