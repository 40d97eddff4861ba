package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.images.ChainVerifier;
import io.predump.images.RoundRecord;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The adversarial writer: whatever it does to its memory while rounds run, no page is lost. */
@Tag("linux-6.1")
@Tag("linux-6.12")
final class WriterIT {
  private static final SessionOptions OPTIONS = SessionOptions.defaults("test");

  @TempDir Path directory;

  static IntStream seeds() {
    int first = Integer.getInteger("predump.firstSeed", 1);
    return IntStream.range(first, first + Integer.getInteger("predump.seeds", 50));
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void noPageDiffersAfterRoundsOfAWritingProcess(int seed) throws IOException {
    // from a writer that never rests to one that mostly does
    int pauseMicros = new int[] {0, 100, 300, 1000}[seed % 4];
    Path images = directory.resolve("images");
    try (LiveTarget target = Targets.ready("writer", seed, 16 + seed % 3 * 8, pauseMicros)) {
      VerifyResult verify;
      try (PreDumpSession session = PreDumpSession.attach(target.pid(), images, OPTIONS)) {
        for (int round = 1; round <= 3 + seed % 3; round++) {
          assertThat(session.round()).map(RoundRecord::round).hasValue(round);
          LiveTarget.pause(20);
        }
        verify = session.finish(true).flatMap(FinalRound::verify).orElseThrow();
      }

      assertThat(verify.firstDifferences()).as("seed=%d", seed).isEmpty();
      assertThat(verify.different()).isZero();
      assertThat(verify.equal()).isEqualTo(verify.compared());
      assertThat(verify.compared()).isGreaterThan(1000);
      assertThat(target.isAlive()).as("alive, seed=%d", seed).isTrue();
      Targets.awaitProgress(target);
      assertThat(new ChainVerifier(2).verify(images).problems()).isEmpty();
    }
  }

  @Test
  void theLoopTakesItsRoundsFreezesAndVerifies() throws IOException {
    Path images = directory.resolve("images");
    LoopOptions loop = new LoopOptions(4, Duration.ZERO, Optional.empty(), FinalMode.FREEZE, true);
    try (LiveTarget target = Targets.ready("writer", 4711, 24, 300);
        PreDumpSession session = PreDumpSession.attach(target.pid(), images, OPTIONS)) {
      RunResult result = new PreDumpLoop(session, loop, LoopListener.SILENT).run();

      assertThat(result.stopReason().targetGone()).isFalse();
      assertThat(result.rounds()).hasSizeGreaterThan(1);
      assertThat(result.freeze()).isPresent();
      assertThat(result.verify().orElseThrow().different()).isZero();
      assertThat(result.rounds().get(result.rounds().size() - 2).stopReason())
          .isEqualTo(result.stopReason().name());
    }
  }
}
