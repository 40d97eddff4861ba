package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Hole 14: the fast way to read un-shares what a fork shares, and doubles the target's memory. */
final class H14SharedPagesIT {
  private static final int PAGES = 16384;

  @TempDir Path directory;

  @Test
  void readingMemorySharedWithAChildLeavesItShared() throws IOException {
    assertThat(privateKibAfterARound(TestHooks.NONE, "guarded")).isLessThan(PAGES);
    assertThat(privateKibAfterARound(TestHooks.without(Protection.SHARING_KEPT), "bare"))
        .as("control")
        .isGreaterThan(PAGES * 4L / 2);
  }

  /** {@return how many KiB nobody else maps, after one round of parent and child} */
  private long privateKibAfterARound(TestHooks hooks, String images) throws IOException {
    try (Script script = Script.start()) {
      script.map("a", "anon", PAGES);
      script.tell("fill a 1");
      assertThat(script.ask("fork")).matches("\\d+");
      try (PreDumpSession session = script.attach(directory.resolve(images), hooks)) {
        session.round().orElseThrow();
        Path rollup = Path.of(script.pid().procPath("smaps_rollup"));
        long kib =
            Targets.statusNumber(rollup, "Private_Dirty")
                + Targets.statusNumber(rollup, "Private_Clean");
        assertThat(Script.different(session)).isZero();
        return kib;
      }
    }
  }
}
