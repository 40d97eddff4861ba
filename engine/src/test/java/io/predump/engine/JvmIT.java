package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.images.ChainVerifier;
import io.predump.images.RoundRecord;
import io.predump.linux.testkit.LiveTarget;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A Java runtime under allocation load: many threads, a collector that moves everything. */
final class JvmIT {
  @TempDir Path directory;

  @ParameterizedTest
  @ValueSource(strings = {"-XX:+UseG1GC", "-XX:+UseParallelGC"})
  void noPageDiffersAndTheProgramFindsItsMemorySound(String collector) throws Exception {
    Path images = directory.resolve("images");
    Path classes = Path.of(Churn.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    try (LiveTarget target =
        LiveTarget.start(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                collector,
                "-Xmx128m",
                "-cp",
                classes.toString(),
                Churn.class.getName()))) {
      assertThat(target.nextLine()).isEqualTo("ready");
      VerifyResult verify;
      try (PreDumpSession session =
          PreDumpSession.attach(target.pid(), images, SessionOptions.defaults("test"))) {
        for (int round = 1; round <= 4; round++) {
          assertThat(session.round()).map(RoundRecord::round).hasValue(round);
          LiveTarget.pause(50);
        }
        verify = session.finish(true).orElseThrow().verify().orElseThrow();
      }
      assertThat(verify.firstDifferences()).isEmpty();
      assertThat(verify.different()).isZero();
      assertThat(verify.compared()).isGreaterThan(10_000);

      String first = target.ask("check");
      assertThat(first).startsWith("ok ");
      LiveTarget.pause(100);
      String second = target.ask("check");
      assertThat(second).startsWith("ok ");
      assertThat(replaced(second)).as("goes on allocating").isGreaterThan(replaced(first));
      assertThat(new ChainVerifier(2).verify(images).problems()).isEmpty();
    }
  }

  private static long replaced(String answer) {
    return Long.parseLong(answer.substring(3));
  }
}
