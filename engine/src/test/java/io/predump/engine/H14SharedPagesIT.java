package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.linux.Pid;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Hole 14: the usual way to read, process_vm_readv, un-shares what a fork shares. It doubles the
 * target's memory, and worse: the kernel (5.19 and newer) may take the copies it makes for empty
 * once a later fork shares them and one of the processes frees its memory.
 */
@Tag("linux-6.12")
final class H14SharedPagesIT {
  private static final int PAGES = 16384;

  @TempDir Path directory;

  private interface Reading {
    void of(Pid pid) throws IOException;
  }

  @Test
  void readingMemorySharedWithAChildLeavesItShared() throws IOException {
    assertThat(privateKibAfter(this::copy)).isLessThan(PAGES);
    assertThat(privateKibAfter(PinningReader::read)).as("control").isGreaterThan(PAGES * 4L / 2);
  }

  /** {@return how many KiB nobody else maps, once a process with a child is read} */
  private static long privateKibAfter(Reading reading) throws IOException {
    try (Script script = Script.start()) {
      script.map("a", "anon", PAGES);
      script.tell("fill a 1");
      assertThat(script.ask("fork")).matches("\\d+");
      reading.of(script.pid());
      Path rollup = Path.of(script.pid().procPath("smaps_rollup"));
      return Targets.statusNumber(rollup, "Private_Dirty")
          + Targets.statusNumber(rollup, "Private_Clean");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"small", "huge"})
  void whatWasReadIsNotLostToAChildThatInheritsIt(String kind) throws IOException {
    assertThat(changedForTheHeirAfter(this::copy, kind)).isEqualTo("changed 0");
    assertThat(changedForTheHeirAfter(PinningReader::read, kind))
        .as("control")
        .matches("changed [1-9][0-9]*");
  }

  private static String changedForTheHeirAfter(Reading reading, String kind) throws IOException {
    try (LiveTarget target = Targets.ready("heir", kind)) {
      reading.of(target.pid());
      return target.ask("bequeath");
    }
  }

  /** Rounds of the engine, and its last pass. */
  private void copy(Pid pid) throws IOException {
    try (PreDumpSession session =
        PreDumpSession.attach(
            pid, directory.resolve("images-" + pid), SessionOptions.defaults("test"))) {
      session.round().orElseThrow();
      session.round().orElseThrow();
      assertThat(Script.different(session)).isZero();
    }
  }
}
