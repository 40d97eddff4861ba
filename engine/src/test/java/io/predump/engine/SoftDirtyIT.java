package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.images.ImageChain;
import io.predump.images.RoundRecord;
import io.predump.linux.KernelFeatures;
import io.predump.linux.Pid;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tracking by soft-dirty bits: no page is lost, and the target stands still as long as it says. */
@Tag("linux-6.1")
final class SoftDirtyIT {
  @TempDir Path directory;

  @BeforeAll
  static void kernel() {
    SoftDirtyKernel.required();
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8})
  void noPageDiffersAfterRoundsOfAWritingProcess(int seed) throws IOException {
    int pauseMicros = new int[] {0, 100, 300, 1000}[seed % 4];
    try (LiveTarget target = Targets.ready("writer", seed, 16, pauseMicros)) {
      VerifyResult verify;
      try (PreDumpSession session = attach(target, SoftDirtyKernel.options(), TestHooks.NONE)) {
        for (int round = 1; round <= 4; round++) {
          RoundRecord record = session.round().orElseThrow();
          if (round == 1) {
            assertThat(record.frozenMicros()).as("the first round freezes nobody").isZero();
          } else {
            assertThat(record.frozenMicros()).isPositive().isLessThan(record.totalMicros());
          }
          LiveTarget.pause(20);
        }
        verify = session.finish(true).flatMap(FinalRound::verify).orElseThrow();
      }
      assertThat(verify.firstDifferences()).as("seed=%d", seed).isEmpty();
      assertThat(verify.different()).isZero();
      assertThat(verify.compared()).isGreaterThan(1000);
      Targets.awaitProgress(target);
    }
  }

  /** The control: what soft-dirty bits say after the first round is not looked at. */
  @ParameterizedTest(name = "seed {0}")
  @ValueSource(ints = {1, 2})
  void withoutLookingAgainTheSameRunReportsDifferences(int seed) throws IOException {
    try (LiveTarget target = Targets.ready("writer", seed, 16, 300);
        PreDumpSession session =
            attach(target, SoftDirtyKernel.options(), TestHooks.without(Protection.REARM))) {
      for (int round = 1; round <= 3; round++) {
        assertThat(session.round()).isPresent();
        LiveTarget.pause(50);
      }
      assertThat(session.finish(true).flatMap(FinalRound::verify).orElseThrow().different())
          .isGreaterThan(100);
    }
  }

  @Test
  void laterRoundsCopyWhatWasWrittenAndNothingElse() throws IOException {
    try (LiveTarget target = Targets.ready("filler", 32, 25);
        PreDumpSession session = attach(target, SoftDirtyKernel.options(), TestHooks.NONE)) {
      RoundRecord first = session.round().orElseThrow();
      RoundRecord idle = session.round().orElseThrow();
      target.signal(10);
      assertThat(target.nextLine()).isEqualTo("done");
      RoundRecord busy = session.round().orElseThrow();

      // of 8192 pages a twentieth hold zeros
      assertThat(first.pages().stored()).isGreaterThan(7500);
      assertThat(idle.pages().stored()).isLessThan(100);
      assertThat(busy.pages().stored()).isBetween(1800L, 2300L);
      assertThat(session.finish(true).orElseThrow().verify().orElseThrow().different()).isZero();
    }
  }

  /** The verifier reads every entry, so that it finds what a search of the engine's would not. */
  @Test
  void aPageFarFromAllOthersInAMostlyEmptyReservationIsFound() throws IOException {
    try (LiveTarget target = Targets.ready("far", 96);
        PreDumpSession session = attach(target, SoftDirtyKernel.options(), TestHooks.NONE)) {
      assertThat(session.round()).isPresent();
      assertThat(target.ask("again")).isEqualTo("done");
      assertThat(session.round()).isPresent();
      assertThat(target.ask("far")).isEqualTo("done");
      FinalRound last = session.finish(true).orElseThrow();

      assertThat(last.verify().orElseThrow().firstDifferences()).isEmpty();
      assertThat(last.verify().orElseThrow().different()).isZero();
      assertThat(last.record().pages().stored()).isPositive();
    }
  }

  /** Nobody needs a thread of the target to stop in order to attach. */
  @Test
  void attachingStopsNobodyAndTheManifestNamesTheTracker() throws IOException {
    Path images = directory.resolve("images");
    LoopOptions loop = new LoopOptions(3, Duration.ZERO, Optional.empty(), FinalMode.FREEZE, true);
    List<String> said = new ArrayList<>();
    LoopListener listener =
        new LoopListener() {
          @Override
          public void attached(String description) {
            said.add(description);
          }
        };
    try (LiveTarget target = Targets.ready("writer", 1, 16, 300)) {
      try (PreDumpSession session = attach(target, SoftDirtyKernel.options(), TestHooks.NONE)) {
        RunResult result = new PreDumpLoop(session, loop, listener).run();

        assertThat(result.stoppedMicros()).isZero();
        assertThat(result.verify().orElseThrow().different()).isZero();
        assertThat(said)
            .singleElement()
            .asString()
            .startsWith("soft-dirty: all threads stand still each round")
            .endsWith("; asked for");
      }
      try (ImageChain chain = ImageChain.open(images)) {
        assertThat(chain.newest().manifest().tracker()).isEqualTo("soft-dirty");
      }
      assertThat(userfaultfds(target.pid())).isEmpty();
    }
  }

  @Test
  @Tag("linux-6.1")
  void automaticIsSoftDirtyWhereTheKernelCannotProtect() {
    KernelFeatures features = KernelFeatures.current();

    assertThat(TrackerPlan.automatic(features).tracker())
        .isEqualTo(
            features.tracksByWriteProtection() ? TrackerChoice.UFFD_WP : TrackerChoice.SOFT_DIRTY);
  }

  private static List<String> userfaultfds(Pid pid) throws IOException {
    List<String> found = new ArrayList<>();
    for (String fd : Targets.names(Path.of(pid.procPath("fd")))) {
      String target = Files.readSymbolicLink(Path.of(pid.procPath("fd/" + fd))).toString();
      if (target.contains("userfaultfd")) {
        found.add(target);
      }
    }
    return found;
  }

  private PreDumpSession attach(LiveTarget target, SessionOptions options, TestHooks hooks)
      throws IOException {
    return PreDumpSession.attach(
        target.pid(), directory.resolve("images"), options, KernelFeatures.current(), hooks);
  }
}
