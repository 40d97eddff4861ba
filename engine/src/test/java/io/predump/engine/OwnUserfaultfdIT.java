package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A target that begins to use a userfaultfd of its own while it is tracked. */
final class OwnUserfaultfdIT {
  private static final String EBUSY = "16";

  @TempDir Path directory;

  @Test
  void isRefusedWhatIsTrackedIsCopiedRightAndTheOperatorIsTold() throws IOException {
    try (LiveTarget target = Targets.ready("ownfault")) {
      String warning =
          "pid="
              + target.pid()
              + " has a userfaultfd of its own: as long as this run tracks it, the kernel lets it"
              + " register none of its private memory there (EBUSY); if it has to, end this run";
      try (PreDumpSession session =
          PreDumpSession.attach(
              target.pid(), directory.resolve("images"), SessionOptions.defaults("test"))) {
        assertThat(session.round()).isPresent();
        assertThat(session.warnings()).isEmpty();

        assertThat(target.ask("")).isEqualTo(EBUSY);
        assertThat(session.round()).isPresent();
        assertThat(session.warnings()).containsExactly(warning);
        assertThat(target.ask("")).isEqualTo(EBUSY);
        assertEverythingIsCopied(session);
      }
      assertThat(target.ask("")).as("let go of, it may").isEqualTo("0");
    }
  }

  @Test
  void whatItHasRegisteredBeforeIsComparedInstead() throws IOException {
    try (LiveTarget target = Targets.ready("ownfault")) {
      assertThat(target.ask("")).isEqualTo("0");
      try (PreDumpSession session =
          PreDumpSession.attach(
              target.pid(), directory.resolve("images"), SessionOptions.defaults("test"))) {
        assertThat(session.round()).isPresent();
        assertThat(session.warnings()).anyMatch(w -> w.contains("has a userfaultfd of its own"));
        target.ask("");
        assertThat(session.round()).isPresent();
        target.ask("");
        assertEverythingIsCopied(session);
      }
    }
  }

  private static void assertEverythingIsCopied(PreDumpSession session) throws IOException {
    FinalRound last = session.finish(true).orElseThrow();
    assertThat(last.verify().orElseThrow().firstDifferences()).isEmpty();
    assertThat(last.verify().orElseThrow().compared()).isGreaterThan(1000);
  }
}
