package io.predump.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class ErrorTextTest {
  static Stream<Arguments> failures() {
    return Stream.of(
        arguments(new IOException("what: why"), "what: why"),
        arguments(new IOException("two\n  lines\n"), "two lines"),
        arguments(new NoSuchFileException("/x"), "/x: no such file or directory"),
        arguments(
            new NoSuchFileException("/x", null, "No such directory"), "/x: No such directory"),
        arguments(new AccessDeniedException("/x"), "/x: permission denied"),
        arguments(new NotDirectoryException("/x"), "/x: not a directory"),
        arguments(
            new FileSystemException("/x", null, "No space left on device"),
            "/x: No space left on device"),
        arguments(new UncheckedIOException(new IOException("inner")), "inner"),
        arguments(new OutOfMemoryError("Java heap space"), heap("Java heap space")),
        arguments(
            new IllegalStateException(new OutOfMemoryError("Java heap space")),
            heap("Java heap space")),
        arguments(
            new OutOfMemoryError("Cannot reserve 1 bytes of direct buffer memory"),
            "out of memory: Cannot reserve 1 bytes of direct buffer memory: raise the limit,"
                + " such as _JAVA_OPTIONS=-XX:MaxDirectMemorySize=1g"),
        arguments(
            new OutOfMemoryError("unable to create native thread"),
            "out of memory: unable to create native thread: raise the limit on threads,"
                + " or take fewer with --threads"),
        arguments(
            new StackOverflowError(),
            "internal error: java.lang.StackOverflowError (PREDUMP_DEBUG=1 shows where)"),
        arguments(
            new IllegalStateException("bug"),
            "internal error: java.lang.IllegalStateException: bug (PREDUMP_DEBUG=1 shows where)"));
  }

  private static String heap(String message) {
    return "out of memory: "
        + message
        + ": the heap limit is "
        + (Runtime.getRuntime().maxMemory() >> 20)
        + " MiB; raise it, such as _JAVA_OPTIONS=-Xmx1g";
  }

  @ParameterizedTest
  @MethodSource("failures")
  void isOneLineThatSaysWhatAndWhy(Throwable failure, String text) {
    assertThat(ErrorText.of(failure)).isEqualTo(text);
  }
}
