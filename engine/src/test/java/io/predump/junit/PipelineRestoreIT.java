package io.predump.junit;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.engine.Targets;
import java.nio.file.Files;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Three processes with pipes between them, each the child of the next. */
final class PipelineRestoreIT {
  @RegisterExtension final CheckpointTarget program = pipeline();

  @RegisterExtension final CheckpointTarget twin = pipeline();

  private static CheckpointTarget pipeline() {
    return CheckpointTarget.command(
            "bash",
            "-c",
            "exec cat < <(exec tee copy < <(exec '%s' 8))"
                .formatted(Targets.program("sequence").executable()))
        .readyWhenPrinted("\n50 ")
        .build();
  }

  @Test
  void goesOnLikeOneToWhichNothingHappened() throws Exception {
    assertThat(program.pids()).hasSize(3);

    Continuation.assertGoesOnLikeItsTwin(program, twin);

    assertThat(program.pids()).hasSize(3);
    assertThat(Files.readAllLines(program.directory().resolve("copy")))
        .startsWith(Continuation.lines(program).subList(0, 60).toArray(String[]::new));
  }
}
