package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.images.ChainVerifier;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Random;

/**
 * Session after session on one target: some rounds under load, then a freeze in which the committed
 * files are compared with the memory. Each session continues the last one's directory or begins its
 * own, so that both are soaked.
 */
final class Soak {
  private static final int MOST_ROUNDS = 5;
  private static final int MOST_SESSIONS_IN_A_DIRECTORY = 3;

  private final Path directory;
  private final Random random;
  private final String what;
  private final SoakTally tally = new SoakTally();
  private int images;
  private int sessionsInDirectory;

  /**
   * @param directory for the images; what is written there is removed again
   * @param what names the target, for messages
   * @param seed decides how many rounds a session takes, and how fast
   */
  Soak(Path directory, String what, long seed) {
    this.directory = directory;
    this.random = new Random(seed);
    this.what = what + ", seed=" + seed;
  }

  /** Takes sessions until the time is over, at least one, and fails at the first difference. */
  SoakTally run(SoakTarget target, long endNanos) throws IOException {
    target.check();
    do {
      session(target);
    } while (System.nanoTime() < endNanos);
    removeImages();
    return tally;
  }

  private void session(SoakTarget target) throws IOException {
    Path chain = directory.resolve("images-" + images);
    int rounds = 1 + random.nextInt(MOST_ROUNDS);
    int pauseMillis = random.nextInt(3) * 25;
    SessionOptions options =
        SessionOptions.defaults("soak")
            .withThreads(1 + random.nextInt(3))
            .withRestoreThp(random.nextBoolean());
    VerifyResult verify;
    try (PreDumpSession session = PreDumpSession.attach(target.pid(), chain, options)) {
      for (int round = 1; round <= rounds; round++) {
        assertThat(session.round())
            .as(() -> "round of " + what + ": " + session.ended() + ", " + target.lastWords())
            .isPresent();
        LiveTarget.pause(pauseMillis);
      }
      target.quiesce();
      FinalRound last = session.finish(true).orElseThrow(() -> new AssertionError(what + " ended"));
      verify = last.verify().orElseThrow();
    }
    target.resume();
    tally.add(rounds, verify);
    assertThat(verify.firstDifferences())
        .as("%s: %d of %d pages", what, verify.different(), verify.compared())
        .isEmpty();
    assertThat(verify.different()).as(what).isZero();
    assertThat(verify.compared()).as(what).isGreaterThan(100);
    target.check();
    sessionsInDirectory++;
    if (sessionsInDirectory > random.nextInt(MOST_SESSIONS_IN_A_DIRECTORY)) {
      assertThat(new ChainVerifier(2).verify(chain).problems()).as(what).isEmpty();
      removeImages();
    }
  }

  private void removeImages() throws IOException {
    Path chain = directory.resolve("images-" + images++);
    sessionsInDirectory = 0;
    if (Files.exists(chain)) {
      try (var files = Files.walk(chain)) {
        for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(file);
        }
      }
    }
  }
}
