package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.images.ChainVerifier;
import io.predump.images.ImageChain;
import io.predump.images.PagesName;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The thawed process is needed no more: the final round is whole, whatever becomes of it. */
final class ExitAfterThawIT {
  private static final int SIGKILL = 9;
  private static final int SIGUSR1 = 10;
  private static final SessionOptions OPTIONS = SessionOptions.defaults("test");

  @TempDir Path directory;

  @Test
  void theFinalRoundOfATargetThatEndsOnBeingThawedIsCommitted() throws IOException {
    Path images = directory.resolve("images");
    try (LiveTarget target = Targets.ready("filler", 32, 100);
        PreDumpSession session = PreDumpSession.attach(target.pid(), images, OPTIONS)) {
      session.listen(new Killer(target));
      assertThat(session.round()).isPresent();
      target.signal(SIGUSR1);
      assertThat(target.nextLine()).isEqualTo("done");

      FinalRound last = session.finish(false).orElseThrow();

      assertThat(target.isAlive()).isFalse();
      assertThat(last.freeze().readBytes()).isGreaterThanOrEqualTo(30 << 20);
      assertThat(last.record().pages().stored()).isGreaterThan(7000);
      assertThat(last.record().pages().owed()).isZero();
    }
    assertFinalAndSound(images, 2);
  }

  @Test
  void theLoopReportsTheFinalRoundOfATargetThatEndsOnBeingThawed() throws IOException {
    Path images = directory.resolve("images");
    LoopOptions loop = new LoopOptions(2, Duration.ZERO, Optional.empty(), FinalMode.FREEZE, false);
    try (LiveTarget target = Targets.ready("writer", 2, 16, 300);
        PreDumpSession session = PreDumpSession.attach(target.pid(), images, OPTIONS)) {
      RunResult result = new PreDumpLoop(session, loop, new Killer(target)).run();

      assertThat(target.isAlive()).isFalse();
      assertThat(result.freeze()).isPresent();
      assertThat(result.stopReason().targetGone()).isFalse();
      assertFinalAndSound(images, result.rounds().size());
    }
  }

  private static void assertFinalAndSound(Path images, int round) throws IOException {
    assertThat(new ChainVerifier(2).verify(images).problems()).isEmpty();
    try (ImageChain chain = ImageChain.open(images)) {
      assertThat(chain.newest().number()).isEqualTo(round);
      assertThat(chain.newest().manifest().finalFreeze()).isTrue();
      int vpid = chain.newest().manifest().processes().get(0).vpid();
      assertThat(chain.newest().mm(vpid)).isPresent();
      assertThat(chain.pages(PagesName.ofProcess(vpid)).pageCount()).isPositive();
    }
  }

  /** Ends the target as soon as it runs again, and returns when it is gone. */
  private static final class Killer implements LoopListener {
    private final LiveTarget target;

    Killer(LiveTarget target) {
      this.target = target;
    }

    @Override
    public void thawed(FreezeRecord freeze) {
      target.signal(SIGKILL);
      try {
        Targets.await("gone", () -> !target.isAlive());
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
