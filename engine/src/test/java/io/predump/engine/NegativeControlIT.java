package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.linux.KernelFeatures;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@link WriterIT} with the protection off: the check must be able to fail. */
@Tag("linux-6.1")
@Tag("linux-6.12")
final class NegativeControlIT {
  @TempDir Path directory;

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(ints = {1, 2, 3})
  void withoutReArmingTheSameRunReportsDifferences(int seed) throws IOException {
    try (LiveTarget target = Targets.ready("writer", seed, 24, 300);
        PreDumpSession session =
            PreDumpSession.attach(
                target.pid(),
                directory.resolve("images"),
                SessionOptions.defaults("test"),
                KernelFeatures.current(),
                TestHooks.without(Protection.REARM))) {
      for (int round = 1; round <= 3; round++) {
        assertThat(session.round()).isPresent();
        LiveTarget.pause(20);
      }
      VerifyResult verify = session.finish(true).flatMap(FinalRound::verify).orElseThrow();

      assertThat(verify.different()).as("seed=%d", seed).isGreaterThan(100);
      assertThat(verify.equal() + verify.different()).isEqualTo(verify.compared());
      assertThat(verify.firstDifferences())
          .hasSize(VerifyResult.MOST_DIFFERENCES)
          .allSatisfy(difference -> assertThat(difference.vma()).isNotEmpty())
          .extracting(VerifyResult.Difference::kind)
          .containsAnyOf(VerifyResult.Kind.STALE, VerifyResult.Kind.LOST);
      List<Long> addresses =
          verify.firstDifferences().stream().map(VerifyResult.Difference::address).toList();
      assertThat(addresses).isSorted();
    }
  }
}
