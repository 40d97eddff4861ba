package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Hole 2: the kernel writes an io_uring's fixed buffers without a page fault. They are found in
 * fdinfo and read every round; without, what it wrote is missed.
 */
final class H02FixedBuffersIT {
  private static final int PAGES = 64;

  @TempDir Path directory;

  @Test
  void whatTheKernelWritesIntoFixedBuffersIsSeen() throws IOException {
    // The debt of hole 3 would cover whatever was listed while an io_uring is open.
    TestHooks noDebt = TestHooks.without(Protection.DIRECT_IO_DEBT);
    TestHooks neither = TestHooks.without(Protection.DIRECT_IO_DEBT, Protection.PINNED_READ);
    assertThat(differentAfterAFixedRead(noDebt, "guarded")).isZero();
    assertThat(differentAfterAFixedRead(neither, "bare")).as("control").isEqualTo(PAGES);
  }

  private long differentAfterAFixedRead(TestHooks hooks, String images) throws IOException {
    try (Script script = Script.start()) {
      script.map("buffer", "anon", PAGES);
      script.map("other", "anon", 4096);
      script.tell("fill buffer 1").tell("fill other 1").tell("register buffer");
      try (PreDumpSession session = script.attach(directory.resolve(images), hooks)) {
        session.round().orElseThrow();
        session.round().orElseThrow();
        script.tell("fixed buffer");
        FinalRound last = session.finish(true).orElseThrow();
        assertThat(last.freeze().pageCount())
            .as("pages read under the freeze: the buffer, not everything")
            .isLessThan(PAGES + 300);
        assertThat(session.warnings()).anyMatch(warning -> warning.contains("io_uring"));
        return last.verify().orElseThrow().different();
      }
    }
  }

  @Test
  void aRingThatNobodyHasOpenMakesTheFreezeReadEverything() throws IOException {
    try (Script script = Script.start()) {
      script.map("buffer", "anon", PAGES);
      script.map("other", "anon", 4096);
      script.tell("fill buffer 1").tell("fill other 1").tell("register buffer").tell("unlist");
      try (PreDumpSession session =
          script.attach(
              directory.resolve("images"), TestHooks.without(Protection.DIRECT_IO_DEBT))) {
        session.round().orElseThrow();
        FinalRound last = session.finish(true).orElseThrow();
        assertThat(last.freeze().pageCount()).isGreaterThan(PAGES + 4096);
        assertThat(last.verify().orElseThrow().different()).isZero();
        assertThat(session.warnings())
            .anyMatch(warning -> warning.contains("whose fixed buffers nobody tells"));
      }
    }
  }
}
