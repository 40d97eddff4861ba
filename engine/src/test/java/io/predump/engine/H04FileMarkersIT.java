package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Hole 4: dropped pages of a private file mapping show the file again, and nothing says that they
 * were written. A page that looks swapped may be the marker of one, and is read.
 */
@Tag("linux-6.12")
final class H04FileMarkersIT {
  /** As many as make a mapping too large to be compared. */
  private static final int PAGES = 16384;

  @TempDir Path directory;

  @BeforeEach
  void needWriteProtection() {
    WriteProtection.required();
  }

  @ParameterizedTest(name = "read after the drop={0}")
  @ValueSource(booleans = {false, true})
  void droppedPagesOfAFileMappingShowTheFileAgain(boolean readAfterwards) throws IOException {
    assertThat(differentAfterADrop(readAfterwards, TestHooks.NONE, "guarded")).isZero();
    if (!readAfterwards) {
      assertThat(differentAfterADrop(false, TestHooks.without(Protection.FILE_MARKERS), "bare"))
          .as("control")
          .isEqualTo(PAGES);
    }
  }

  private long differentAfterADrop(boolean readAfterwards, TestHooks hooks, String images)
      throws IOException {
    try (Script script = Script.start()) {
      script.map("f", "file", PAGES);
      script.tell("fill f 1");
      try (PreDumpSession session = script.attach(directory.resolve(images), hooks)) {
        session.round().orElseThrow();
        script.tell("drop f");
        if (readAfterwards) {
          script.tell("read f");
        }
        return Script.different(session);
      }
    }
  }
}
