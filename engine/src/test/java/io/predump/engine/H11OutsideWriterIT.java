package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Hole 11: a process that writes another one's memory pins a page first and copies then, so a scan
 * in between is too early. A writer inside the tree stands still in the final freeze; one outside
 * is nobody's to stop, and a comparison shows it.
 */
final class H11OutsideWriterIT {
  private static final int PAGES = 512;

  @TempDir Path directory;

  @Test
  void aWriterWithinTheTreeStandsStillInTheFreeze() throws IOException {
    assertThat(differentBeside(false, "tree")).isZero();
    assertThat(differentBeside(true, "single"))
        .as("control: the writer is left out of the freeze")
        .isGreaterThan(0);
  }

  private long differentBeside(boolean single, String images) throws IOException {
    try (Script script = Script.start()) {
      script.map("a", "anon", PAGES);
      script.tell("fill a 1");
      assertThat(script.ask("outsider a")).matches("\\d+");
      // Time to write between the reading and the comparison, for whoever still runs.
      TestHooks slow =
          TestHooks.NONE.at(TestHooks.Moment.BEFORE_COMMIT, () -> LiveTarget.pause(300));
      SessionOptions options = SessionOptions.defaults("test").withSingle(single);
      try (PreDumpSession session = script.attach(directory.resolve(images), options, slow)) {
        session.round().orElseThrow();
        session.round().orElseThrow();
        return Script.different(session);
      }
    }
  }
}
