package io.predump.cli;

import io.predump.engine.FreezeRecord;
import io.predump.engine.RunResult;
import io.predump.engine.StopReason;
import io.predump.engine.VerifyResult;
import io.predump.images.RoundRecord;
import java.util.List;
import java.util.Optional;

/** Made-up results. */
final class Samples {
  private Samples() {}

  static RoundRecord firstRound() {
    return new RoundRecord(
        1,
        12_345,
        20_000,
        62_000,
        459_700,
        46_100,
        9_000,
        0,
        600_000,
        new RoundRecord.VmaCounts(120, 120, 0, 3),
        new RoundRecord.PageCounts(90_000, 73_249, 16_428, 0, 0, 0, 56_821, 0),
        new RoundRecord.ByteCounts(300_027_904, 137_153_740),
        new RoundRecord.DirtyRate(0, 0),
        0,
        -1,
        "");
  }

  /** A live round that could not store everything. */
  static RoundRecord owingRound(long owedPages) {
    return new RoundRecord(
        1,
        900,
        0,
        850,
        6_800,
        1_100,
        4_000,
        0,
        20_000,
        new RoundRecord.VmaCounts(121, 1, 0, 3),
        new RoundRecord.PageCounts(90_000, 1_192, 3, 212, 0, owedPages, 973, 0),
        new RoundRecord.ByteCounts(4_882_432, 3_355_443),
        new RoundRecord.DirtyRate(0, 0),
        0,
        -1,
        "ROUND_LIMIT");
  }

  /** A live round of soft-dirty tracking. */
  static RoundRecord standstillRound() {
    return new RoundRecord(
        2,
        1_500,
        0,
        850,
        6_800,
        1_100,
        4_000,
        1_200,
        20_000,
        new RoundRecord.VmaCounts(121, 1, 0, 3),
        new RoundRecord.PageCounts(90_000, 1_192, 3, 212, 0, 0, 973, 55_916),
        new RoundRecord.ByteCounts(4_882_432, 3_355_443),
        new RoundRecord.DirtyRate(58_405_683, 83),
        3_100,
        400,
        "");
  }

  static RoundRecord finalRound() {
    return new RoundRecord(
        2,
        900,
        0,
        850,
        6_800,
        1_100,
        4_000,
        1_950,
        20_000,
        new RoundRecord.VmaCounts(121, 1, 0, 3),
        new RoundRecord.PageCounts(90_000, 1_192, 3, 212, 0, 0, 973, 55_916),
        new RoundRecord.ByteCounts(4_882_432, 3_355_443),
        new RoundRecord.DirtyRate(58_405_683, 83),
        0,
        400,
        "");
  }

  static FreezeRecord freeze() {
    return new FreezeRecord("ptrace", 14, 210, 900, 840, 0, 1_950, 1_192, 4_882_432, 0);
  }

  static VerifyResult equal() {
    return new VerifyResult(73_254, 73_254, 0, List.of(), 589_900);
  }

  static VerifyResult different() {
    return new VerifyResult(
        73_254,
        73_251,
        3,
        List.of(
            new VerifyResult.Difference(
                0x7f94ff681000L, "7f94ff681000-7f94ff685000 rw-p", 1, VerifyResult.Kind.STALE),
            new VerifyResult.Difference(
                0xffffffffff600000L, "unmapped", -1, VerifyResult.Kind.LOST)),
        589_900);
  }

  static RunResult result(StopReason reason, Optional<VerifyResult> verify) {
    return new RunResult(
        List.of(firstRound(), finalRound()),
        reason,
        Optional.of(freeze()),
        verify,
        List.of("a warning"),
        List.of("a device"),
        96);
  }
}
