package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.linux.KernelFeatures;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A frozen process large enough that two threads list what it wrote. */
final class SecondScanIT {
  private static final int SIGUSR1 = 10;
  private static final int MIB = 320;
  private static final int DIRTY_PERCENT = 2;
  private static final long DIRTY_PAGES = MIB * 256L * DIRTY_PERCENT / 100;

  @TempDir Path directory;

  @Test
  void whatEitherThreadFindsIsCaptured() throws IOException {
    FinalRound last = freezeDirty(TestHooks.NONE);

    assertThat(last.verify().orElseThrow().firstDifferences()).isEmpty();
    assertThat(last.freeze().pageCount()).isGreaterThan(DIRTY_PAGES * 9 / 10);
  }

  /** The control: without what the second one finds, half of it is lost. */
  @Test
  void whatTheSecondFindsIsNeeded() throws IOException {
    FinalRound last = freezeDirty(TestHooks.without(Protection.SECOND_SCAN));

    assertThat(last.verify().orElseThrow().different())
        .isBetween(DIRTY_PAGES / 4, DIRTY_PAGES * 3 / 4);
  }

  private FinalRound freezeDirty(TestHooks hooks) throws IOException {
    try (LiveTarget target = Targets.ready("filler", MIB, DIRTY_PERCENT);
        PreDumpSession session =
            PreDumpSession.attach(
                target.pid(),
                directory.resolve("images"),
                SessionOptions.defaults("test"),
                KernelFeatures.current(),
                hooks)) {
      assertThat(session.round()).isPresent();
      target.signal(SIGUSR1);
      assertThat(target.nextLine()).isEqualTo("done");
      FinalRound last = session.finish(true).orElseThrow();
      assertThat(target.isAlive()).isTrue();
      return last;
    }
  }
}
