package io.predump.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.engine.FreezeRecord;
import io.predump.engine.RunBounds;
import io.predump.engine.RunResult;
import io.predump.engine.StopReason;
import io.predump.images.RoundRecord;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class RunSummaryTest {
  @Test
  void tellsWhyItStoppedHowLongItFrozeWhatWasVerifiedAndWhereItIs() {
    assertThat(
            RunSummary.of(
                Samples.result(StopReason.DOWNTIME_REACHED, Optional.of(Samples.equal())),
                Path.of("/var/tmp/x")))
        .isEqualTo(
            """
            stopped after 1 live round: the predicted downtime is within the limit
            attached: one thread stopped for 96 µs
            frozen for 2.0 ms: stop 210 µs, scan 900 µs, read 840 µs (14 threads, 1,192 pages, 4.7 MiB)
            verified: 73,254 pages compared, 73,254 equal, 0 different
            held frozen for another 589.9 ms to compare
            images: /var/tmp/x (rounds 1 to 2, 134.0 MiB stored)
            not verified: a device
            """);
  }

  @Test
  void saysWhatIsOwedAfterTheLastRound() {
    assertThat(RunSummary.of(withoutFreeze(Samples.owingRound(1_234)), Path.of("/var/tmp/x")))
        .isEqualTo(
            """
            stopped after 1 live round: the limit on live rounds is reached
            warning: 1,234 pages are owed: the chain is stale for them
            images: /var/tmp/x (round 1, 3.2 MiB stored)
            """);
    assertThat(RunSummary.of(withoutFreeze(Samples.owingRound(1)), Path.of("/var/tmp/x")))
        .contains("warning: 1 page is owed: the chain is stale for it\n");
  }

  @Test
  void whatAnEarlierRoundOwedAndALaterOneStoredIsNoWarning() {
    assertThat(
            RunSummary.of(
                withoutFreeze(Samples.owingRound(5), Samples.owingRound(0)), Path.of("/var/tmp/x")))
        .doesNotContain("owed");
  }

  @Test
  void saysHowLongLiveRoundsFroze() {
    assertThat(
            RunSummary.of(
                withoutFreeze(Samples.firstRound(), Samples.standstillRound()),
                Path.of("/var/tmp/x")))
        .contains("frozen in 1 live round to list written pages: 1.2 ms in all, 1.2 ms at most\n");
    assertThat(RunSummary.of(withoutFreeze(Samples.firstRound()), Path.of("/var/tmp/x")))
        .doesNotContain("frozen");
  }

  private static RunResult withoutFreeze(RoundRecord... rounds) {
    return new RunResult(
        List.of(rounds),
        StopReason.ROUND_LIMIT,
        Optional.empty(),
        Optional.empty(),
        List.of(),
        List.of(),
        0);
  }

  @Test
  void listsTheFirstDifferencesAndCountsTheRest() {
    assertThat(RunSummary.verify(Samples.different()))
        .isEqualTo(
            """
            verified: 73,254 pages compared, 73,251 equal, 3 different
              0x7f94ff681000 stale in 7f94ff681000-7f94ff685000 rw-p, held by round 0001
              0xffffffffff600000 lost in unmapped, held by no round
              and 1 more
            """);
  }

  @Test
  void saysWhyNobodyCanVouchForTheImages() {
    RunResult result =
        new RunResult(
            List.of(),
            StopReason.ROUND_LIMIT,
            Optional.empty(),
            Optional.empty(),
            List.of(),
            List.of("pid=7 has /dev/vfio/12 open: a device may write its memory unseen"),
            0);

    assertThat(RunSummary.of(result, Path.of("/var/tmp/x")))
        .endsWith(
            "not verified: pid=7 has /dev/vfio/12 open: a device may write its memory unseen\n");
  }

  @Test
  void saysWhenNothingWasCommitted() {
    RunResult nothing =
        new RunResult(
            List.of(),
            StopReason.TARGET_EXITED,
            Optional.empty(),
            Optional.empty(),
            List.of(),
            List.of(),
            0);
    assertThat(RunSummary.of(nothing, Path.of("/var/tmp/x")))
        .isEqualTo(
            """
            stopped after 0 live rounds: the target exited
            images: no round was committed to /var/tmp/x
            """);
  }

  @Test
  void saysWhatWasWrittenWhileFrozen() {
    assertThat(RunSummary.freeze(new FreezeRecord("ptrace", 1, 1, 1, 1, 0, 3, 1, 4096, 8 << 20)))
        .isEqualTo(
            """
            frozen for 3 µs: stop 1 µs, scan 1 µs, read 1 µs (1 thread, 1 page, 4.0 KiB)
            warning: 8.0 MiB exceeded the buffer and were compressed and written while frozen
            """);
  }

  @Test
  void saysByWhichCgroupItFroze() {
    assertThat(
            RunSummary.freeze(new FreezeRecord("cgroup v2 /c/web", 1, 1, 1, 1, 0, 3, 1, 4096, 0)))
        .startsWith("frozen for 3 µs by cgroup v2 /c/web: stop 1 µs, scan");
  }

  @Test
  void theDemoSaysWhatItComparesTheFreezeWith() {
    assertThat(Demo.comparison(Samples.result(StopReason.ROUND_LIMIT, Optional.empty())))
        .isEqualTo(
            "copying everything frozen would have stopped it for about 571.0 ms"
                + " (what round 1 took to copy all of it): 293 times as long\n");
  }

  @Test
  void saysWhatBoundsItKeptAndHowOldTheNewestRoundBecame() {
    RunBounds all =
        new RunBounds(
            OptionalLong.of(1 << 30),
            OptionalLong.of(100 << 20),
            OptionalInt.of(50),
            true,
            2_500_000,
            OptionalLong.of(120_000_000),
            OptionalLong.of(95_400_000));
    assertThat(RunSummary.bounds(all))
        .isEqualTo(
            """
            live rounds kept to: at most 1.0 GiB stored, at most 100.0 MiB/s read, at most 50 % of a core, paced; workers waited 2.5 s for it
            the newest round was never older than 1 min 35 s (rpo 2 min 0 s)
            """);
    assertThat(RunSummary.bounds(RunBounds.NONE)).isEmpty();
  }
}
