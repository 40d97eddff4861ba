package io.predump.engine;

import static io.predump.engine.ScriptedWrites.GIB;
import static io.predump.engine.ScriptedWrites.MIB;
import static org.assertj.core.api.Assertions.assertThat;

import io.predump.images.RoundRecord;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/**
 * The policy against simulated targets: for each rule a script of writes under which just it is
 * right, and beside it a control, the nearest script or option under which it must not fire.
 */
final class ConvergenceScriptsTest {
  private static final double MUCH_DISK = 1e15;

  private static RunForecast run(RunForecast.Writes writes, LoopOptions options) {
    return run(writes, options, MUCH_DISK);
  }

  /** Copies 500 MiB/s, 20 ms a round besides, and stores half of what it reads. */
  private static RunForecast run(RunForecast.Writes writes, LoopOptions options, double disk) {
    RunForecast.Copier copier = new RunForecast.Copier(500 * MIB, 0.02, 0, 0.5, 0, disk);
    return RunForecast.of(writes, copier, new DowntimeModel(4), options);
  }

  private static LoopOptions limits(int rounds, long downtimeMillis) {
    return new LoopOptions(
        rounds, Duration.ofMillis(downtimeMillis), Optional.empty(), FinalMode.FREEZE, false);
  }

  private static List<Long> written(RunForecast forecast) {
    return forecast.rounds().stream().map(round -> round.pages().written()).toList();
  }

  @Test
  void aTargetThatStopsWritingStopsTheRounds() {
    // Without a downtime limit: with one, the last round before silence is within it already.
    RunForecast stopped = run(ScriptedWrites.stopping(GIB, 50 * MIB, 2.1), limits(20, 0));
    assertThat(stopped.stopReason()).contains(StopReason.NOTHING_WRITTEN);
    assertThat(written(stopped)).endsWith(0L);
    assertThat(stopped.freezeBytes()).isZero();

    assertThat(run(ScriptedWrites.stopping(GIB, 50 * MIB, 1e9), limits(20, 0)).stopReason())
        .as("control: it never stops")
        .isPresent()
        .isNotEqualTo(Optional.of(StopReason.NOTHING_WRITTEN));
  }

  @Test
  void aColdDriftReachesTheDowntimeLimit() {
    RunForecast.Writes drift = ScriptedWrites.hotAndDrift(GIB, 1 * MIB, 0.01, 20 * MIB);
    RunForecast reached = run(drift, limits(20, 5));
    assertThat(reached.stopReason()).contains(StopReason.DOWNTIME_REACHED);
    assertThat(reached.freezeMicros()).isLessThan(5000);
    assertThat(reached.rounds().size()).isBetween(2, 5);

    RunForecast.Writes hot = ScriptedWrites.hotAndDrift(GIB, 400 * MIB, 0.01, 20 * MIB);
    assertThat(run(hot, limits(20, 5)).stopReason())
        .as("control: the hot set alone takes longer than the limit")
        .isNotEqualTo(Optional.of(StopReason.DOWNTIME_REACHED));
  }

  @Test
  void aSlowingTargetReachesTheDowntimeLimitWhenItHasSlowedDown() {
    RunForecast slow = run(ScriptedWrites.slowing(GIB, 450 * MIB, 3), limits(100, 5));
    assertThat(slow.stopReason()).contains(StopReason.DOWNTIME_REACHED);
    assertThat(written(slow)).isSortedAccordingTo((a, b) -> Long.compare(b, a));
    assertThat(run(ScriptedWrites.slowing(GIB, 450 * MIB, 1e9), limits(100, 5)).stopReason())
        .as("control: it never slows down")
        .contains(StopReason.NO_PROGRESS);
  }

  @Test
  void aRunThatStillShrinksEndsAtTheRoundLimit() {
    RunForecast.Writes shrinking = ScriptedWrites.uniform(GIB, 350 * MIB);
    RunForecast limited = run(shrinking, limits(4, 5));
    assertThat(limited.stopReason()).contains(StopReason.ROUND_LIMIT);
    assertThat(limited.rounds()).hasSize(4);

    RunForecast unlimited = run(shrinking, limits(0, 5));
    assertThat(unlimited.stopReason())
        .as("control: no limit")
        .isNotEqualTo(Optional.of(StopReason.ROUND_LIMIT));
    assertThat(unlimited.rounds().size()).isGreaterThan(4);
  }

  @Test
  void aRunThatStillShrinksEndsAtTheDeadline() {
    RunForecast.Writes shrinking = ScriptedWrites.uniform(GIB, 350 * MIB);
    LoopOptions soon =
        new LoopOptions(
            0, Duration.ofMillis(5), Optional.of(Duration.ofSeconds(4)), FinalMode.FREEZE, false);
    RunForecast ended = run(shrinking, soon);
    assertThat(ended.stopReason()).contains(StopReason.DEADLINE);
    double seconds = ended.rounds().stream().mapToLong(RoundRecord::totalMicros).sum() / 1e6;
    assertThat(seconds).isBetween(4.0, 6.0);

    assertThat(run(shrinking, limits(0, 5)).stopReason())
        .as("control: no deadline")
        .isNotEqualTo(Optional.of(StopReason.DEADLINE));
  }

  @Test
  void aHotSetThatEachRoundFindsWholeIsNoProgress() {
    RunForecast hot = run(ScriptedWrites.hotAndDrift(GIB, 300 * MIB, 0.05, 0), limits(20, 20));
    assertThat(hot.stopReason()).contains(StopReason.NO_PROGRESS);
    assertThat(hot.rounds()).hasSize(4);

    RunForecast drift = run(ScriptedWrites.hotAndDrift(GIB, 0, 0.05, 300 * MIB), limits(20, 20));
    assertThat(drift.stopReason())
        .as("control: rounds that shrink")
        .contains(StopReason.DOWNTIME_REACHED);
  }

  @Test
  void memoryThatGrowsFasterThanItIsCopiedIsNoProgress() {
    assertThat(run(ScriptedWrites.growing(GIB, 600 * MIB), limits(20, 5)).stopReason())
        .contains(StopReason.NO_PROGRESS);
    assertThat(run(ScriptedWrites.growing(GIB, 60 * MIB), limits(20, 5)).stopReason())
        .as("control: it grows slower")
        .contains(StopReason.DOWNTIME_REACHED);
  }

  @Test
  void aGainThatDoesNotRepayTheRoundStopsIt() {
    // Rounds that mostly read memory which must be compared: what they shrink by hardly matters.
    RunForecast.Writes slowing = ScriptedWrites.slowing(4 * GIB, 20 * MIB, 2);
    RunForecast.Copier comparing = new RunForecast.Copier(500 * MIB, 0.02, 0, 0.5, GIB, MUCH_DISK);
    DowntimeModel downtime = new DowntimeModel(4);
    assertThat(RunForecast.of(slowing, comparing, downtime, limits(20, 5)).stopReason())
        .contains(StopReason.MARGINAL_GAIN);

    RunForecast.Copier tracking = new RunForecast.Copier(500 * MIB, 0.02, 0, 0.5, 0, MUCH_DISK);
    assertThat(RunForecast.of(slowing, tracking, downtime, limits(20, 5)).stopReason())
        .as("control: rounds that read what was written")
        .contains(StopReason.DOWNTIME_REACHED);
  }

  @Test
  void aRoundThatWouldExceedTheBudgetIsNotTaken() {
    RunForecast.Writes drift = ScriptedWrites.hotAndDrift(GIB, 0, 1, 300 * MIB);
    long budget = (long) (800 * MIB);
    RunForecast bounded = run(drift, limits(20, 5).withByteBudget(budget));
    assertThat(bounded.stopReason()).contains(StopReason.BYTE_BUDGET);
    long stored = bounded.rounds().stream().mapToLong(round -> round.bytes().stored()).sum();
    assertThat(stored).isLessThanOrEqualTo(budget);

    long needed =
        run(drift, limits(20, 5)).rounds().stream().mapToLong(r -> r.bytes().stored()).sum();
    assertThat(needed).isGreaterThan(budget);
    assertThat(run(drift, limits(20, 5).withByteBudget(needed + 1)).stopReason())
        .as("control: a budget for all of it")
        .isEqualTo(run(drift, limits(20, 5)).stopReason());
  }

  @Test
  void aBurstThatWouldExceedTheBudgetIsNotTakenEither() {
    RunForecast.Writes bursts = ScriptedWrites.bursts(GIB, 900 * MIB, 10);
    LoopOptions budget = limits(0, 0).withRpo(Duration.ofSeconds(1)).withByteBudget((long) GIB);
    RunForecast bounded = run(bursts, budget);
    assertThat(bounded.stopReason()).contains(StopReason.BYTE_BUDGET);
    assertThat(bounded.rounds().stream().mapToLong(round -> round.bytes().stored()).sum())
        .isLessThanOrEqualTo((long) GIB);
    assertThat(bounded.rounds().size()).isGreaterThan(100);
  }

  @Test
  void aRoundIsNotTakenWhenTheDiskHasRoomForLessThanTwiceOfIt() {
    RunForecast.Writes hot = ScriptedWrites.hotAndDrift(GIB, 300 * MIB, 0.05, 0);
    // After the first round, which stores half of 1 GiB, 500 MiB are left: less than twice 300.
    RunForecast full = run(hot, limits(20, 5), 1012 * MIB);
    assertThat(full.stopReason()).contains(StopReason.FREE_DISK);
    assertThat(full.rounds()).hasSize(1);

    assertThat(run(hot, limits(20, 5), 3 * GIB).stopReason())
        .as("control: room enough")
        .contains(StopReason.NO_PROGRESS);
  }

  @Test
  void withAnRpoConvergenceIsNoReasonToStop() {
    RunForecast.Writes stopping = ScriptedWrites.stopping(GIB, 50 * MIB, 1);
    LoopOptions endless = limits(0, 20).withRpo(Duration.ofSeconds(1));
    assertThat(run(stopping, endless).stopReason()).isEmpty();
    assertThat(run(stopping, limits(0, 20)).stopReason()).as("control: no rpo").isPresent();
    LoopOptions thirty = limits(30, 20).withRpo(Duration.ofSeconds(1));
    assertThat(run(stopping, thirty).stopReason()).contains(StopReason.ROUND_LIMIT);
  }

  @Test
  void theFloorIsWhatRoundsConvergeTo() {
    RunForecast.Copier copier = new RunForecast.Copier(500 * MIB, 0.02, 0, 0.5, 0, MUCH_DISK);
    RunForecast.Writes hot = ScriptedWrites.hotAndDrift(GIB, 100 * MIB, 0.01, 50 * MIB);
    double floor = RunForecast.floorBytes(hot, copier);
    // V = 100 + 50·(0.02 + V/500)
    assertThat(floor / MIB).isBetween(112.0, 112.5);
    long last = run(hot, limits(20, 5)).freezeBytes();
    assertThat((double) last).isBetween(0.98 * floor, 1.02 * floor);

    RunForecast.Writes slower = ScriptedWrites.hotAndDrift(GIB, 10 * MIB, 0.01, 50 * MIB);
    assertThat(RunForecast.floorBytes(slower, copier)).as("control").isLessThan(floor / 5);
  }
}
