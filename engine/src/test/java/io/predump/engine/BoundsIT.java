package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.images.ChainVerifier;
import io.predump.images.RoundRecord;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.lang.management.ThreadMXBean;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Each bound of a run holds on a live process, and the same run without it goes beyond. */
final class BoundsIT {
  private static final long MIB = 1 << 20;
  private static final SessionOptions SESSION = SessionOptions.defaults("test");

  @TempDir Path directory;

  private static LoopOptions rounds(int most) {
    return new LoopOptions(most, Duration.ZERO, Optional.empty(), FinalMode.FREEZE, true);
  }

  private static SessionOptions limited(CopyLimits limits) {
    return SESSION.withLimits(limits);
  }

  private RunResult run(LiveTarget target, Path images, SessionOptions session, LoopOptions loop)
      throws IOException {
    try (PreDumpSession attached = PreDumpSession.attach(target.pid(), images, session)) {
      RunResult result = new PreDumpLoop(attached, loop, LoopListener.SILENT).run();
      assertThat(result.verify().orElseThrow().different()).isZero();
      assertThat(new ChainVerifier(2).verify(images).problems()).isEmpty();
      return result;
    }
  }

  private RunResult run(LiveTarget target, String name, SessionOptions session, LoopOptions loop)
      throws IOException {
    return run(target, directory.resolve(name), session, loop);
  }

  private static List<RoundRecord> live(RunResult result) {
    return result.rounds().subList(0, result.rounds().size() - 1);
  }

  private static long stored(RunResult result) {
    return live(result).stream().mapToLong(round -> round.bytes().stored()).sum();
  }

  /** Bytes per second of the first round, which reads everything. */
  private static double firstRate(RunResult result) {
    RoundRecord first = result.rounds().get(0);
    return first.bytes().read() * 1e6 / first.totalMicros();
  }

  @Test
  void liveRoundsKeepToTheByteBudget() throws IOException {
    try (LiveTarget target = Targets.ready("paced", 96, 32, 200_000, 0)) {
      RunResult free = run(target, "free", SESSION, rounds(6));
      long first = free.rounds().get(0).bytes().stored();
      assertThat(live(free)).as("control").hasSizeGreaterThan(2);
      long budget = first + (stored(free) - first) / 2;

      RunResult bounded = run(target, "bounded", SESSION, rounds(6).withByteBudget(budget));

      assertThat(bounded.stopReason()).isEqualTo(StopReason.BYTE_BUDGET);
      assertThat(stored(bounded)).isLessThanOrEqualTo(budget).isLessThan(stored(free));
      assertThat(bounded.bounds().byteBudget()).hasValue(budget);
      assertThat(free.bounds().byteBudget()).isEmpty();
    }
  }

  @Test
  void aRoundThatTurnsOutToExceedTheBudgetIsDroppedAndOwed() throws IOException {
    try (LiveTarget target = Targets.ready("paced", 64, 32, 200_000, 0);
        PreDumpSession session =
            PreDumpSession.attach(target.pid(), directory.resolve("images"), SESSION)) {
      session.round().orElseThrow();
      boolean[] told = {false};
      RoundJudge thrifty =
          new RoundJudge() {
            @Override
            public long mostStoredBytes() {
              return 1000;
            }

            @Override
            public void overspent() {
              told[0] = true;
            }

            @Override
            public Optional<StopReason> judge(RoundRecord round) {
              return Optional.empty();
            }
          };
      assertThat(session.round(thrifty)).isEmpty();
      assertThat(told[0]).isTrue();
      assertThat(session.round(RoundJudge.INDIFFERENT)).as("control").isPresent();
      assertThat(Script.different(session)).isZero();
    }
    assertThat(new ChainVerifier(2).verify(directory.resolve("images")).problems()).isEmpty();
    assertThat(Targets.names(directory.resolve("images"))).noneMatch(n -> n.contains("partial"));
  }

  @Test
  void noRoundIsTakenThatCouldFillTheDisk() throws Exception {
    try (LiveTarget target = Targets.ready("paced", 96, 48, 400_000, 0)) {
      try (Mounted small = Mounted.tmpfs(directory.resolve("small"), "size=120m")) {
        RunResult stopped = run(target, small.path.resolve("images"), SESSION, rounds(6));
        assertThat(stopped.stopReason()).isEqualTo(StopReason.FREE_DISK);
        assertThat(small.path.toFile().getUsableSpace()).isPositive();
      }
      try (Mounted large = Mounted.tmpfs(directory.resolve("large"), "size=2g")) {
        assertThat(run(target, large.path.resolve("images"), SESSION, rounds(6)).stopReason())
            .as("control")
            .isNotEqualTo(StopReason.FREE_DISK);
      }
    }
  }

  @Test
  void liveRoundsReadNoFasterThanTheBandwidthAndTheFreezeDoes() throws IOException {
    long limit = 48 * MIB;
    try (LiveTarget target = Targets.ready("paced", 128, 24, 200_000, 0)) {
      RunResult free = run(target, "free", SESSION, rounds(2));
      RunResult bounded =
          run(target, "bounded", limited(CopyLimits.NONE.withBytesPerSecond(limit)), rounds(2));

      assertThat(firstRate(bounded)).isBetween(0.5 * limit, 1.05 * limit);
      assertThat(firstRate(free)).as("control").isGreaterThan(1.5 * limit);
      FreezeRecord freeze = bounded.freeze().orElseThrow();
      assertThat(freeze.readBytes()).isGreaterThan(12 * MIB);
      assertThat(freeze.readBytes() * 1e6 / freeze.readMicros()).isGreaterThan(4.0 * limit);
      assertThat(bounded.bounds().bytesPerSecond()).hasValue(limit);
      assertThat(bounded.bounds().waitedMicros()).isPositive();
      assertThat(free.bounds().waitedMicros()).isZero();
    }
  }

  @Test
  void workersUseNoMoreOfTheProcessorThanTheyMay() throws IOException {
    try (LiveTarget target = Targets.ready("filler", 192, 1)) {
      double free = workersShare(target, "free", CopyLimits.NONE);
      double bounded = workersShare(target, "bounded", CopyLimits.NONE.withCpuPercent(25));

      assertThat(bounded).isBetween(0.10, 0.30);
      assertThat(free).as("control, on a busy machine too").isGreaterThan(1.3 * bounded);
    }
  }

  /** Bounded workers read 32 pages at a time; a page in another's place would be stored again. */
  @Test
  void sharedMemoryThatWasReadInPiecesIsTheSameInTheFreeze() throws IOException {
    int pages = 1000;
    try (Script script = Script.start()) {
      script.map("m", "memfd", pages);
      script.tell("fill m 1");
      SessionOptions half = limited(CopyLimits.NONE.withCpuPercent(50));
      try (PreDumpSession session =
          script.attach(directory.resolve("images"), half, TestHooks.NONE)) {
        assertThat(session.round().orElseThrow().pages().stored()).isGreaterThan(pages);

        FinalRound last = session.finish(true).orElseThrow();

        assertThat(last.verify().orElseThrow().different()).isZero();
        assertThat(last.record().pages().stored()).isLessThan(pages / 2);
      }
    }
  }

  /** Processor time of the workers in the first round, in cores. */
  private double workersShare(LiveTarget target, String name, CopyLimits limits)
      throws IOException {
    try (PreDumpSession session =
        PreDumpSession.attach(target.pid(), directory.resolve(name), limited(limits))) {
      long before = workersNanos();
      RoundRecord first = session.round().orElseThrow();
      return (workersNanos() - before) / 1e3 / first.totalMicros();
    }
  }

  private static long workersNanos() {
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    long nanos = 0;
    for (ThreadInfo thread : threads.getThreadInfo(threads.getAllThreadIds())) {
      if (thread != null && thread.getThreadName().startsWith("predump-copy-")) {
        nanos += Math.max(0, threads.getThreadCpuTime(thread.getThreadId()));
      }
    }
    return nanos;
  }

  @Test
  void pacedRoundsGoWithTheTarget() throws IOException {
    CopyLimits paced = CopyLimits.NONE.withPaced(true);
    try (LiveTarget calm = Targets.ready("paced", 128, 1, 1000, 0);
        LiveTarget busy = Targets.ready("paced", 256, 256, 25_000, 0)) {
      assertThat(firstRate(run(calm, "calm", limited(paced), rounds(1))))
          .isBetween(0.5 * CopyLimits.SLOWEST_PACE, 1.05 * CopyLimits.SLOWEST_PACE);
      assertThat(firstRate(run(calm, "control", SESSION, rounds(1))))
          .as("control")
          .isGreaterThan(1.5 * CopyLimits.SLOWEST_PACE);

      // some 98 MiB/s written
      RunResult followed = run(busy, "busy", limited(paced), rounds(1));
      assertThat(firstRate(followed) / MIB).isBetween(70.0, 1.25 * 98 * 1.05);
      RunResult capped =
          run(busy, "capped", limited(paced.withBytesPerSecond(32 * MIB)), rounds(1));
      assertThat(firstRate(capped) / MIB).isBetween(16.0, 34.0);
      assertThat(capped.bounds().paced()).isTrue();
    }
  }
}
