package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.predump.linux.KernelFeatures;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Hole H13: what soft-dirty bits do not tell. Each case has its control, in which the protection is
 * off and pages are lost.
 */
@Tag("linux-6.1")
@Tag("linux-6.12")
final class H13SoftDirtyClearRaceIT {
  private static final int PASSES = 6;

  @TempDir Path directory;

  @BeforeAll
  static void kernel() {
    SoftDirtyKernel.required();
  }

  /** Between the reading of the bits and their clearing nothing may be written. */
  @Test
  void writesOfABusyTargetAreNotLostWhileItsBitsAreCleared() throws IOException {
    assertThat(differentAfterPasses(TestHooks.NONE)).isZero();
  }

  @Test
  void withoutTheStandstillSuchWritesAreLost() throws IOException {
    assertThat(differentAfterPasses(TestHooks.without(Protection.SOFT_DIRTY_STANDSTILL)))
        .isPositive();
  }

  private long differentAfterPasses(TestHooks hooks) throws IOException {
    try (LiveTarget target = Targets.ready("once", 64);
        PreDumpSession session = attach(target, hooks)) {
      assertThat(session.round()).isPresent();
      assertThat(target.ask("write")).isEqualTo("begun");
      for (int round = 1; round <= PASSES; round++) {
        assertThat(session.round()).isPresent();
      }
      return session.finish(true).orElseThrow().verify().orElseThrow().different();
    }
  }

  @Test
  void pagesDroppedAndReadAreZeroAlthoughNotSoftDirty() throws IOException {
    assertThat(differentAfter("drop", TestHooks.NONE)).isZero();
  }

  /** Where it lies tells a page twice: it moved, and the zero page lies in a known place. */
  @Test
  void withoutKnowingWherePagesLieDroppedPagesKeepTheirOldContent() throws IOException {
    assertThat(differentAfter("drop", withoutPlaces())).isEqualTo(512);
  }

  @Test
  void hugePagesDroppedAndReadAreZeroAlthoughNotSoftDirty() throws IOException {
    assertThat(differentAfter("huge", TestHooks.NONE)).isZero();
  }

  @Test
  void withoutKnowingWherePagesLieDroppedHugePagesKeepTheirOldContent() throws IOException {
    assertThat(differentAfter("huge", withoutPlaces())).isEqualTo(512);
  }

  private static TestHooks withoutPlaces() {
    return TestHooks.without(Protection.PAGE_PLACES, Protection.ZERO_PLACE);
  }

  @Test
  void memoryMovedWithItsPageTablesIsReadAgainAlthoughNotSoftDirty() throws IOException {
    assertThat(differentAfter("move", TestHooks.NONE)).isZero();
  }

  @Test
  void withoutKnowingWherePagesLieMovedMemoryIsLost() throws IOException {
    assertThat(differentAfter("move", TestHooks.without(Protection.PAGE_PLACES))).isEqualTo(1024);
  }

  @Test
  void pagesWrittenAndThenMergedAreReadAgainAlthoughNotSoftDirty() throws IOException {
    try (Ksm ksm = Ksm.on()) {
      assertThat(differentAfter("merge", TestHooks.NONE)).isZero();
    }
  }

  @Test
  void withoutKnowingWherePagesLieMergedPagesKeepTheirOldContent() throws IOException {
    try (Ksm ksm = Ksm.on()) {
      assertThat(differentAfter("merge", TestHooks.without(Protection.PAGE_PLACES))).isPositive();
    }
  }

  /** Does something to the target between two rounds, and compares under the freeze. */
  private long differentAfter(String order, TestHooks hooks) throws IOException {
    try (LiveTarget target = Targets.ready("moves");
        PreDumpSession session = attach(target, hooks)) {
      assertThat(session.round()).isPresent();
      assertThat(target.ask("write")).isEqualTo("done");
      assertThat(session.round()).isPresent();
      assertThat(target.ask(order)).isEqualTo("done");
      assertThat(session.round()).isPresent();
      return session.finish(true).orElseThrow().verify().orElseThrow().different();
    }
  }

  private PreDumpSession attach(LiveTarget target, TestHooks hooks) throws IOException {
    return PreDumpSession.attach(
        target.pid(),
        directory.resolve("images"),
        SoftDirtyKernel.options(),
        KernelFeatures.current(),
        hooks);
  }

  /** The kernel's merging of equal pages, switched on until closed. */
  private record Ksm(String run, String pages, String sleep) implements AutoCloseable {
    private static final Path DIRECTORY = Path.of("/sys/kernel/mm/ksm");

    static Ksm on() throws IOException {
      assumeTrue(Files.exists(DIRECTORY), "needs CONFIG_KSM");
      Ksm before = new Ksm(read("run"), read("pages_to_scan"), read("sleep_millisecs"));
      write("pages_to_scan", "10000");
      write("sleep_millisecs", "10");
      write("run", "1");
      return before;
    }

    private static String read(String name) throws IOException {
      return Files.readString(DIRECTORY.resolve(name)).trim();
    }

    private static void write(String name, String value) throws IOException {
      Files.writeString(DIRECTORY.resolve(name), value);
    }

    @Override
    public void close() throws IOException {
      write("run", "2");
      write("run", run);
      write("pages_to_scan", pages);
      write("sleep_millisecs", sleep);
    }
  }
}
