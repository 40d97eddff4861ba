package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Hole 1: shared memory is written in ways no fault of the scanned mapping shows. Every way is seen
 * because its objects are compared; without, every one is missed.
 */
final class H01SharedMemoryIT {
  private static final int PAGES = 64;

  @TempDir Path directory;

  @ParameterizedTest(name = "{0}: {1}")
  @CsvSource({
    "memfd, fill m 2",
    "memfd, twin m 2",
    "memfd, pwrite m 2",
    "tmpfs, twin m 2",
    "tmpfs, pwrite m 2",
    "shared, fill m 2",
  })
  void aWriteToSharedMemoryIsSeenHoweverItComes(String kind, String write) throws IOException {
    assertThat(differentAfter(kind, write, TestHooks.NONE, "guarded")).isZero();
    assertThat(differentAfter(kind, write, TestHooks.without(Protection.SHARED_COMPARED), "bare"))
        .as("control: %s, %s", kind, write)
        .isGreaterThanOrEqualTo(PAGES);
  }

  @ParameterizedTest(name = "{0}: {1}")
  @CsvSource({"memfd, punch m", "memfd, cut m", "tmpfs, punch m", "tmpfs, cut m"})
  void aHoleInSharedMemoryIsSeenHoweverItComes(String kind, String write) throws IOException {
    assertThat(differentAfter(kind, write, TestHooks.NONE, "guarded")).isZero();
    assertThat(differentAfter(kind, write, TestHooks.without(Protection.PRESENCE), "bare"))
        .as("control: %s, %s", kind, write)
        .isGreaterThanOrEqualTo(PAGES / 2);
  }

  private long differentAfter(String kind, String write, TestHooks hooks, String images)
      throws IOException {
    try (Script script = Script.start()) {
      script.map("m", kind, PAGES);
      script.tell("fill m 1");
      try (PreDumpSession session = script.attach(directory.resolve(images), hooks)) {
        session.round().orElseThrow();
        script.tell(write);
        session.round().orElseThrow();
        return Script.different(session);
      }
    }
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource({"memfd", "tmpfs", "shared"})
  void aWriteOfAnotherProcessIsSeenAndTheObjectIsStoredOnce(String kind) throws IOException {
    for (boolean on : new boolean[] {true, false}) {
      TestHooks hooks = on ? TestHooks.NONE : TestHooks.without(Protection.SHARED_COMPARED);
      try (Script script = Script.start()) {
        script.map("m", kind, PAGES);
        script.tell("fill m 1");
        try (PreDumpSession session = script.attach(directory.resolve("images" + on), hooks)) {
          session.round().orElseThrow();
          assertThat(script.ask("child m 2")).matches("\\d+");
          long stored = session.round().orElseThrow().pages().stored();
          long different = Script.different(session);
          if (on) {
            assertThat(different).isZero();
            // The object once, and the few private pages of the new child and its parent.
            assertThat(stored).isBetween((long) PAGES, PAGES + 250L);
          } else {
            assertThat(different).as("control").isGreaterThanOrEqualTo(PAGES);
          }
        }
      }
    }
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource({"memfd", "tmpfs"})
  void onlyWhatHoldsDataIsRead(String kind) throws IOException {
    int many = 1 << 18; // 1 GiB of addresses
    try (Script script = Script.start()) {
      script.map("sparse", kind, many);
      script.map("m", kind, PAGES);
      script.tell("fill m 1");
      try (PreDumpSession session = script.attach(directory.resolve("images"), TestHooks.NONE)) {
        long read = session.round().orElseThrow().bytes().read();
        assertThat(read).isLessThan((PAGES + 2000L) * PageTable.PAGE_BYTES);
        assertThat(Script.different(session)).isZero();
      }
    }
  }
}
