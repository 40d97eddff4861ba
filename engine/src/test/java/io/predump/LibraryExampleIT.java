package io.predump;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.engine.CopyLimits;
import io.predump.engine.FinalRound;
import io.predump.engine.PreDumpSession;
import io.predump.engine.SessionOptions;
import io.predump.engine.Targets;
import io.predump.engine.VerifyResult;
import io.predump.images.ImageChain;
import io.predump.images.RoundRecord;
import io.predump.linux.Pid;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * How a Java program uses the engine by itself, without a daemon and without the command line: one
 * {@link PreDumpSession}, in the thread that wants it.
 */
final class LibraryExampleIT {
  @TempDir Path directory;

  /** Rounds until a freeze would be short, then the freeze; everything else is the caller's. */
  static List<RoundRecord> dump(Pid pid, Path images, Duration downtime) throws IOException {
    SessionOptions options =
        SessionOptions.defaults("my dump daemon 1.0")
            .withThreads(2)
            .withLimits(CopyLimits.NONE.withBytesPerSecond(500L << 20));
    List<RoundRecord> rounds = new ArrayList<>();
    try (PreDumpSession session = PreDumpSession.attach(pid, images, options)) {
      boolean shortEnough = false;
      while (!shortEnough && rounds.size() < 8 && session.ended().isEmpty()) {
        session.round().ifPresent(rounds::add);
        shortEnough =
            rounds.size() > 1
                && rounds.get(rounds.size() - 1).predictedDowntimeMicros() * 1000
                    <= downtime.toNanos();
      }
      session.finish(true).ifPresent(last -> rounds.add(requireEqual(last)));
    }
    return rounds;
  }

  private static RoundRecord requireEqual(FinalRound last) {
    VerifyResult verify = last.verify().orElseThrow();
    if (verify.different() > 0) {
      throw new IllegalStateException("the images differ: " + verify.firstDifferences());
    }
    return last.record();
  }

  @Test
  void anEmbeddedCallerNeedsNoDaemon() throws IOException {
    Path images = directory.resolve("images");
    try (LiveTarget target = Targets.ready("writer", 51, 16, 1000)) {
      List<RoundRecord> rounds = dump(target.pid(), images, Duration.ofMillis(20));

      assertThat(rounds).hasSizeBetween(3, 9);
      assertThat(rounds.get(rounds.size() - 1).frozenMicros()).isPositive();
      try (ImageChain chain = ImageChain.open(images)) {
        assertThat(chain.names()).isNotEmpty();
      }
      Targets.awaitProgress(target);
    }
  }
}
