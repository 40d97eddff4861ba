package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.images.ChainVerifier;
import io.predump.images.RoundRecord;
import io.predump.linux.LibC;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code --rpo}: the newest committed round is never older than asked for. */
final class RpoIT {
  private static final Duration RPO = Duration.ofSeconds(1);

  /** On a machine that others keep busy a round may take much longer than those before it. */
  private static final long MOST_MICROS = RPO.toNanos() / 1000 * 6 / 5;

  private static final SessionOptions OPTIONS = SessionOptions.defaults("test");

  @TempDir Path directory;

  private static LoopOptions until(Duration deadline, Duration rpo) {
    return new LoopOptions(0, Duration.ofMillis(20), Optional.of(deadline), FinalMode.NONE, false)
        .withRpo(rpo);
  }

  /** Measures ages by itself: from the beginning of a round to the end of the next. */
  private static final class Ages implements LoopListener {
    private long startedNanos;
    private long newestNanos;
    private long oldestMicros;
    private int rounds;

    @Override
    public void roundStarted(int round) {
      startedNanos = System.nanoTime();
    }

    @Override
    public void roundFinished(RoundRecord record) {
      if (rounds++ > 0) {
        oldestMicros = Math.max(oldestMicros, (System.nanoTime() - newestNanos) / 1000);
      }
      newestNanos = startedNanos;
    }
  }

  @Test
  void theNewestRoundIsNeverOlderThanWanted() throws IOException {
    Path images = directory.resolve("images");
    Ages ages = new Ages();
    try (LiveTarget target = Targets.ready("paced", 64, 8, 20_000, 500);
        PreDumpSession session = PreDumpSession.attach(target.pid(), images, OPTIONS)) {
      RunResult result = new PreDumpLoop(session, until(Duration.ofSeconds(6), RPO), ages).run();

      assertThat(result.stopReason()).isEqualTo(StopReason.DEADLINE);
      assertThat(ages.oldestMicros).isLessThanOrEqualTo(MOST_MICROS);
      assertThat(result.bounds().oldestMicros().orElseThrow())
          .isBetween(ages.oldestMicros - 50_000, MOST_MICROS + 50_000);
      assertThat(result.bounds().rpoMicros()).hasValue(RPO.toNanos() / 1000);
      // Not all the time either: that is what the rpo is for.
      assertThat(ages.rounds).isBetween(5, 20);
      assertThat(new ChainVerifier(2).verify(images).problems()).isEmpty();
      assertThat(target.isAlive()).isTrue();
    }
    Ages lazy = new Ages();
    try (LiveTarget target = Targets.ready("paced", 64, 8, 20_000, 500);
        PreDumpSession session =
            PreDumpSession.attach(target.pid(), directory.resolve("lazy"), OPTIONS)) {
      new PreDumpLoop(session, until(Duration.ofSeconds(6), Duration.ofSeconds(3)), lazy).run();
      assertThat(lazy.oldestMicros).as("control").isGreaterThan(MOST_MICROS);
    }
  }

  @Test
  void anRpoThatCannotBeKeptIsSaid() throws IOException {
    try (LiveTarget target = Targets.ready("paced", 64, 32, 200_000, 500);
        PreDumpSession session =
            PreDumpSession.attach(target.pid(), directory.resolve("images"), OPTIONS)) {
      RunResult result =
          new PreDumpLoop(
                  session, until(Duration.ofSeconds(1), Duration.ofMillis(5)), LoopListener.SILENT)
              .run();
      assertThat(result.bounds().oldestMicros().orElseThrow()).isGreaterThan(5000);
      assertThat(result.warnings())
          .contains(
              "the newest round was older than the rpo for a while: rounds take too long for it");
    }
  }

  @Test
  void whileItWaitsASignalOrTheTargetsEndEndsIt() throws Exception {
    LoopOptions slow = until(Duration.ofHours(1), Duration.ofMinutes(10));
    LiveTarget target = Targets.ready("paced", 16, 1, 100, 0);
    try (target;
        PreDumpSession session =
            PreDumpSession.attach(target.pid(), directory.resolve("images"), OPTIONS)) {
      assertThat(endedBy(session, slow, loop -> loop.interrupt()))
          .isEqualTo(StopReason.INTERRUPTED);
    }
    LiveTarget mortal = Targets.ready("paced", 16, 1, 100, 0);
    try (mortal;
        PreDumpSession session =
            PreDumpSession.attach(mortal.pid(), directory.resolve("others"), OPTIONS)) {
      assertThat(endedBy(session, slow, loop -> LibC.kill(mortal.pid().number(), 9)))
          .isEqualTo(StopReason.TARGET_EXITED);
    }
  }

  private interface Ender {
    void end(PreDumpLoop loop);
  }

  private static StopReason endedBy(PreDumpSession session, LoopOptions options, Ender ender)
      throws Exception {
    PreDumpLoop loop = new PreDumpLoop(session, options, LoopListener.SILENT);
    Thread other =
        new Thread(
            () -> {
              LiveTarget.pause(1500);
              ender.end(loop);
            });
    other.start();
    long began = System.nanoTime();
    RunResult result = loop.run();
    assertThat((System.nanoTime() - began) / 1_000_000).isBetween(1400L, 5000L);
    other.join();
    assertThat(result.rounds().size()).isPositive();
    return result.stopReason();
  }
}
