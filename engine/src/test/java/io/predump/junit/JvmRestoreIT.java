package io.predump.junit;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** A JVM that collects garbage with G1. */
final class JvmRestoreIT {
  @RegisterExtension final CheckpointTarget program = jvm();

  @RegisterExtension final CheckpointTarget twin = jvm();

  /**
   * Without the file of performance data: any JVM that starts removes those of JVMs it finds dead,
   * and CRIU needs it again.
   */
  private static CheckpointTarget jvm() {
    return CheckpointTarget.command(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:+UseG1GC",
            "-Xmx160m",
            "-XX:-UsePerfData",
            "-cp",
            Path.of("target/test-classes").toAbsolutePath().toString(),
            JvmProgram.class.getName())
        .readyWhenPrinted("\n50 ")
        .build();
  }

  @Test
  void goesOnLikeOneToWhichNothingHappened() throws Exception {
    Continuation.assertGoesOnLikeItsTwin(program, twin);
  }
}
