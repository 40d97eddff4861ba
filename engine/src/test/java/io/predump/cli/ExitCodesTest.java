package io.predump.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import io.predump.engine.StopReason;
import io.predump.engine.TargetRefusedException;
import io.predump.images.ForeignImagesException;
import io.predump.images.ImageCorruptException;
import io.predump.linux.Errno;
import io.predump.linux.SyscallException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;

class ExitCodesTest {
  static Stream<Arguments> failures() {
    return Stream.of(
        arguments(new IOException("disk"), 1),
        arguments(new NoSuchFileException("/x"), 1),
        arguments(new IllegalStateException("bug"), 1),
        arguments(new OutOfMemoryError("Java heap space"), 1),
        arguments(new ExecutionException(new OutOfMemoryError("Java heap space")), 1),
        arguments(new StackOverflowError(), 1),
        arguments(
            new CommandLine.ParameterException(new CommandLine(CommandSpec.create()), "no"), 2),
        arguments(new TargetRefusedException(TargetRefusedException.Kind.USAGE, "self"), 2),
        arguments(new TargetRefusedException(TargetRefusedException.Kind.EXITED, "gone"), 3),
        arguments(new TargetRefusedException(TargetRefusedException.Kind.LACKING, "traced"), 4),
        arguments(new SyscallException("call", Errno.ESRCH), 3),
        arguments(new SyscallException("call", Errno.EPERM), 4),
        arguments(new SyscallException("call", Errno.EACCES), 4),
        arguments(new SyscallException("call", Errno.ENOSYS), 4),
        arguments(new SyscallException("call", Errno.ENOTTY), 4),
        arguments(new SyscallException("call", Errno.ENOSPC), 1),
        arguments(new AccessDeniedException("/root"), 4),
        arguments(new UnsupportedOperationException("x86-64 only"), 4),
        arguments(new ImageCorruptException(Path.of("/x/0001/round.img"), 8, "bad"), 5),
        arguments(new ForeignImagesException(Path.of("/x"), "chain of another process"), 5),
        arguments(new UncheckedIOException(new SyscallException("call", Errno.EPERM)), 4),
        arguments(new ExecutionException(new ImageCorruptException(Path.of("/x"), -1, "bad")), 5));
  }

  @ParameterizedTest
  @MethodSource("failures")
  void everyFailureHasItsCode(Throwable failure, int code) {
    assertThat(ExitCodes.of(failure)).isEqualTo(code);
  }

  @ParameterizedTest
  @EnumSource(StopReason.class)
  void onlyALostTargetMakesAStopReasonAFailure(StopReason reason) {
    assertThat(ExitCodes.of(Samples.result(reason, Optional.of(Samples.equal()))))
        .isEqualTo(reason.targetGone() ? 3 : 0);
  }

  @Test
  void differencesOutrankEverything() {
    assertThat(
            ExitCodes.of(
                Samples.result(StopReason.TARGET_EXITED, Optional.of(Samples.different()))))
        .isEqualTo(6);
    assertThat(ExitCodes.of(Samples.different())).isEqualTo(6);
    assertThat(ExitCodes.of(Samples.equal())).isEqualTo(0);
  }
}
