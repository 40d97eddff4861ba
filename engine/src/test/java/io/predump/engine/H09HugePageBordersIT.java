package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Hole 9: a scan that covers part of a huge page splits it. Scans end on its borders, so only the
 * target's own writes do; and what they split is put together again if that is asked for.
 */
final class H09HugePageBordersIT {
  private static final int HUGE_PAGES = 32;
  private static final int PAGES = HUGE_PAGES * 512;

  @TempDir Path directory;

  @BeforeEach
  void needWriteProtection() {
    WriteProtection.required();
  }

  @Test
  void aScanLeavesHugePagesWhole() throws IOException {
    assertThat(hugePagesAfterRounds(TestHooks.NONE, "guarded")).isEqualTo(HUGE_PAGES);
    assertThat(hugePagesAfterRounds(TestHooks.without(Protection.HUGE_PAGE_BORDERS), "bare"))
        .as("control")
        .isLessThan(HUGE_PAGES);
  }

  private long hugePagesAfterRounds(TestHooks hooks, String images) throws IOException {
    try (Script script = Script.start()) {
      script.map("a", "thp", PAGES);
      script.tell("fill a 1");
      assumeTrue(hugePages(script) == HUGE_PAGES, "the kernel gives no transparent huge pages");
      try (PreDumpSession session = script.attach(directory.resolve(images), hooks)) {
        session.round().orElseThrow();
        session.round().orElseThrow();
        long left = hugePages(script);
        assertThat(Script.different(session)).isZero();
        return left;
      }
    }
  }

  @Test
  void splitHugePagesArePutTogetherAgainAtTheEnd() throws IOException {
    long[] told = {-1, -1};
    LoopListener listener =
        new LoopListener() {
          @Override
          public void hugePagesRestored(long restored, long wanted) {
            told[0] = restored;
            told[1] = wanted;
          }
        };
    for (boolean restore : new boolean[] {true, false}) {
      SessionOptions options = SessionOptions.defaults("test").withRestoreThp(restore);
      try (Script script = Script.start()) {
        script.map("a", "thp", PAGES);
        script.tell("fill a 1");
        assumeTrue(hugePages(script) == HUGE_PAGES, "the kernel gives no transparent huge pages");
        try (PreDumpSession session =
            script.attach(directory.resolve("images" + restore), options, TestHooks.NONE)) {
          session.listen(listener);
          session.round().orElseThrow();
          script.tell("fill a 2");
          assertThat(hugePages(script)).as("split by the target's writes").isZero();
          session.round().orElseThrow();
          assertThat(Script.different(session)).isZero();
        }
        String sum = script.ask("sum a");
        LiveTarget.pause(10);
        assertThat(hugePages(script)).isEqualTo(restore ? HUGE_PAGES : 0);
        assertThat(script.ask("sum a")).as("the target's memory").isEqualTo(sum);
      }
    }
    assertThat(told[0]).isGreaterThanOrEqualTo(HUGE_PAGES);
    assertThat(told[1]).isGreaterThanOrEqualTo(told[0]);
  }

  private static long hugePages(Script script) throws IOException {
    Path rollup = Path.of(script.pid().procPath("smaps_rollup"));
    return Targets.statusNumber(rollup, "AnonHugePages") / 2048;
  }
}
