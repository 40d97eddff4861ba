package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Hole 6: what a process drops must leave the images; presence tells, not the written bit. */
@Tag("linux-6.12")
final class H06DroppedPagesIT {
  private static final int PAGES = 1024;

  @TempDir Path directory;

  @BeforeEach
  void needWriteProtection() {
    WriteProtection.required();
  }

  @ParameterizedTest(name = "{0}, read after the drop={1}")
  @CsvSource({"anon, false", "anon, true", "thp, false", "thp, true"})
  void whatIsDroppedIsZeroInTheImages(String kind, boolean readAfterwards) throws IOException {
    assertThat(differentAfterADrop(kind, readAfterwards, TestHooks.NONE, "guarded")).isZero();
    if (!readAfterwards) {
      TestHooks bare = TestHooks.without(Protection.PRESENCE);
      assertThat(differentAfterADrop(kind, false, bare, "bare")).as("control").isEqualTo(PAGES);
    }
  }

  private long differentAfterADrop(
      String kind, boolean readAfterwards, TestHooks hooks, String images) throws IOException {
    try (Script script = Script.start()) {
      script.map("a", kind, PAGES);
      script.tell("fill a 1");
      try (PreDumpSession session = script.attach(directory.resolve(images), hooks)) {
        session.round().orElseThrow();
        script.tell("drop a");
        if (readAfterwards) {
          script.tell("read a");
        }
        session.round().orElseThrow();
        return Script.different(session);
      }
    }
  }
}
