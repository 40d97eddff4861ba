package io.predump.junit;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.engine.VerifyResult;
import io.predump.engine.VerifyResult.Difference;
import io.predump.engine.VerifyResult.Kind;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

final class MemoryDifferencesTest {
  @Test
  void eachDifferenceNamesMappingPageAndRound() {
    VerifyResult result =
        new VerifyResult(
            12_345,
            12_340,
            5,
            List.of(
                new Difference(0x5000, "5000-9000 rw-p 00000000 00:00 0 [heap]", -1, Kind.LOST),
                new Difference(0x6000, "5000-9000 rw-p 00000000 00:00 0 [heap]", 3, Kind.STALE),
                new Difference(0xa000, "unmapped", 12, Kind.EXTRA)),
            100);

    assertThat(MemoryDifferences.describe(Path.of("/images"), "pid=7 (redis-server)", result))
        .isEqualTo(
            """
            5 of 12,345 pages in /images are not what the memory of pid=7 (redis-server) holds:
              page 0x5000 of VMA 5000-9000 rw-p 00000000 00:00 0 [heap]: no round holds it, and it is not empty
              page 0x6000 of VMA 5000-9000 rw-p 00000000 00:00 0 [heap]: round 0003 holds other bytes
              page 0xa000 of VMA unmapped: round 0012 holds it, and nothing is there
              and 2 more""");
  }
}
