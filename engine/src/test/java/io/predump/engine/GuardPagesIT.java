package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.predump.linux.KernelFeatures;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Whoever makes guard pages over protected pages of a file mapping would try for ever: the page
 * that is dropped leaves a marker, and over a marker no guard page comes. Small file mappings are
 * not protected where that can happen; markers in large ones are taken away by the next round.
 */
final class GuardPagesIT {
  private static final int PAGES = 64;

  @TempDir Path directory;

  @BeforeEach
  void needGuardPagesInFiles() {
    assumeTrue(
        KernelFeatures.current().guardCategory().present(),
        "guard pages in file mappings: Linux 6.15");
  }

  @Test
  void makingGuardPagesInAFileMappingEndsAtOnce() throws IOException {
    try (Script script = Script.start()) {
      script.map("f", "file", PAGES);
      script.tell("fill f 1");
      try (PreDumpSession session = script.attach(directory.resolve("images"), TestHooks.NONE)) {
        session.round().orElseThrow();
        script.tell("guard f");
        session.round().orElseThrow();
        assertThat(Script.different(session)).isZero();
      }
    }
  }

  @Test
  void withoutComparingItHangsUntilTheNextRoundTakesTheMarkersAway() throws IOException {
    try (Script script = Script.start()) {
      script.map("f", "file", PAGES);
      script.tell("fill f 1");
      TestHooks bare = TestHooks.without(Protection.SMALL_FILES_COMPARED);
      try (PreDumpSession session = script.attach(directory.resolve("images"), bare)) {
        session.round().orElseThrow();
        script.begin("guard f");
        LiveTarget.pause(1000);
        assertThat(script.hasAnswered()).as("control: answered within a second").isFalse();
        session.round().orElseThrow();
        assertThat(script.nextLine()).isEqualTo("done");
        session.round().orElseThrow();
        assertThat(Script.different(session)).isZero();
      }
    }
  }

  @Test
  void guardPagesInAnonymousMemoryAreMadeAtOnce() throws IOException {
    try (Script script = Script.start()) {
      script.map("a", "anon", PAGES);
      script.tell("fill a 1");
      try (PreDumpSession session = script.attach(directory.resolve("images"), TestHooks.NONE)) {
        session.round().orElseThrow();
        script.tell("guard a");
        assertThat(Script.different(session)).isZero();
      }
    }
  }
}
