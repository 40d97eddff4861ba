package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.images.ImageChain;
import io.predump.images.RoundRecord;
import io.predump.linux.KernelFeatures;
import io.predump.linux.Pid;
import io.predump.linux.testkit.LiveTarget;
import io.predump.linux.testkit.Slowness;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The tracker that needs nothing of the kernel, on a kernel without PAGEMAP_SCAN: everything is
 * listed by the raw pagemap, read each round and compared.
 */
@Tag("linux-6.1")
final class OldKernelCompareIT {
  private static final SessionOptions COMPARE =
      SessionOptions.defaults("test").withTracker(TrackerChoice.COMPARE);

  private final KernelFeatures features = OldKernel.features();

  @TempDir Path directory;

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(ints = {1, 2, 3, 4, 5, 6})
  void noPageDiffersAfterRoundsOfAWritingProcess(int seed) throws IOException {
    int pauseMicros = new int[] {0, 100, 300, 1000}[seed % 4];
    try (LiveTarget target = Targets.ready("writer", seed, 16, pauseMicros);
        PreDumpSession session = attach(target.pid(), TestHooks.NONE)) {
      for (int round = 1; round <= 3; round++) {
        assertThat(session.round().orElseThrow().frozenMicros()).isZero();
        LiveTarget.pause(20);
      }
      VerifyResult verify = session.finish(true).orElseThrow().verify().orElseThrow();

      assertThat(verify.firstDifferences()).as("seed=%d", seed).isEmpty();
      assertThat(verify.different()).isZero();
      assertThat(verify.compared()).isGreaterThan(1000);
      assertThat(session.stoppedMicros()).as("attaching stops nobody").isZero();
      Targets.awaitProgress(target);
    }
  }

  /** The control: what was read once is not read again. */
  @ParameterizedTest(name = "seed {0}")
  @ValueSource(ints = {1, 2})
  void withoutReadingAgainTheSameRunReportsDifferences(int seed) throws IOException {
    try (LiveTarget target = Targets.ready("writer", seed, 16, 300);
        PreDumpSession session = attach(target.pid(), TestHooks.without(Protection.REARM))) {
      for (int round = 1; round <= 3; round++) {
        assertThat(session.round()).isPresent();
        LiveTarget.pause(50);
      }
      assertThat(session.finish(true).orElseThrow().verify().orElseThrow().different())
          .isGreaterThan(100);
    }
  }

  @Test
  void aLaterRoundReadsEverythingAndStoresWhatChanged() throws IOException {
    try (LiveTarget target = Targets.ready("filler", 32, 25)) {
      try (PreDumpSession session = attach(target.pid(), TestHooks.NONE)) {
        RoundRecord first = session.round().orElseThrow();
        target.signal(10);
        assertThat(target.nextLine()).isEqualTo("done");
        RoundRecord second = session.round().orElseThrow();

        // of 8192 pages a twentieth hold zeros
        assertThat(first.pages().stored()).isGreaterThan(7500);
        assertThat(second.bytes().read()).isGreaterThanOrEqualTo(8192L * PageTable.PAGE_BYTES);
        assertThat(second.pages().stored()).isBetween(1800L, 2300L);
        FinalRound last = session.finish(true).orElseThrow();
        assertThat(last.freeze().readBytes()).isGreaterThanOrEqualTo(8192L * PageTable.PAGE_BYTES);
        assertThat(last.record().pages().stored()).isLessThan(300);
        assertThat(last.verify().orElseThrow().different()).isZero();
      }
      try (ImageChain chain = ImageChain.open(directory.resolve("images"))) {
        assertThat(chain.newest().manifest().tracker()).isEqualTo("compare");
      }
    }
  }

  /** 4 TiB would be 8 GiB of entries: the reading of them is what must not happen. */
  @Test
  void aReservationOfTebibytesNeedsNoPageTablesAndLittleTime() throws IOException {
    try (LiveTarget target = Targets.ready("reservation", 4, 1000)) {
      Path status = Path.of(target.pid().procPath("status"));
      long before = Targets.statusNumber(status, "VmPTE");
      try (PreDumpSession session = attach(target.pid(), TestHooks.NONE)) {
        long began = System.nanoTime();
        for (int round = 1; round <= 2; round++) {
          assertThat(session.round()).isPresent();
          assertThat(target.ask("again")).isEqualTo("done");
        }
        FinalRound last = session.finish(true).orElseThrow();
        assertThat(Duration.ofNanos(System.nanoTime() - began))
            .isLessThan(Slowness.times(Duration.ofSeconds(30)));
        assertThat(last.verify().orElseThrow().different()).isZero();
        assertThat(last.record().pages().stored()).isGreaterThanOrEqualTo(1000);
      }
      assertThat(Targets.statusNumber(status, "VmPTE") - before).isLessThan(1024);
    }
  }

  /** The verifier reads every entry, so that it finds what a search of the engine's would not. */
  @Test
  void aPageFarFromAllOthersInAMostlyEmptyReservationIsFound() throws IOException {
    try (LiveTarget target = Targets.ready("far", 96);
        PreDumpSession session = attach(target.pid(), TestHooks.NONE)) {
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

  /**
   * The control of the search: it ends when enough pages are found, and here it is told too few.
   */
  @Test
  void aSearchThatEndsTooEarlyLosesThePage() throws IOException {
    try (LiveTarget target = Targets.ready("far", 96);
        PreDumpSession session =
            attach(target.pid(), TestHooks.without(Protection.ALL_PAGES_COUNTED))) {
      assertThat(session.round()).isPresent();
      assertThat(target.ask("far")).isEqualTo("done");
      VerifyResult verify = session.finish(true).orElseThrow().verify().orElseThrow();

      assertThat(verify.different()).isPositive();
      assertThat(verify.firstDifferences())
          .extracting(VerifyResult.Difference::kind)
          .contains(VerifyResult.Kind.LOST);
    }
  }

  @Test
  void anExecBetweenRoundsEndsTheSession() throws IOException {
    try (LiveTarget target = Targets.ready("execer", 0, "/bin/sleep", "60");
        PreDumpSession session = attach(target.pid(), TestHooks.NONE)) {
      assertThat(session.round()).isPresent();
      target.signal(10);
      Targets.await("another program", () -> session.round().isEmpty());

      assertThat(session.ended()).contains(StopReason.TARGET_EXECED);
    }
  }

  @Test
  void aChildBornBetweenRoundsIsHeldToo() throws IOException {
    try (LiveTarget target = Targets.ready("family");
        PreDumpSession session = attach(target.pid(), TestHooks.NONE)) {
      assertThat(session.round()).isPresent();
      Pid child = new Pid(Integer.parseInt(target.ask("fork " + target.pid().number())));
      assertThat(session.round()).isPresent();
      Pid late = new Pid(Integer.parseInt(target.ask("fork " + child.number())));
      VerifyResult verify = session.finish(true).orElseThrow().verify().orElseThrow();

      assertThat(verify.firstDifferences()).isEmpty();
      assertThat(verify.different()).isZero();
      try (ImageChain chain = ImageChain.open(directory.resolve("images"))) {
        assertThat(chain.newest().manifest().processes())
            .extracting(process -> process.pid())
            .containsExactlyInAnyOrder(target.pid().number(), child.number(), late.number());
      }
    }
  }

  private PreDumpSession attach(Pid pid, TestHooks hooks) throws IOException {
    return PreDumpSession.attach(pid, directory.resolve("images"), COMPARE, features, hooks);
  }
}
