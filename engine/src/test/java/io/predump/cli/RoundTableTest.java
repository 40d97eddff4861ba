package io.predump.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class RoundTableTest {
  @Test
  void everyColumnIsLabelledAndAligned() {
    assertThat(RoundTable.render(List.of(Samples.firstRound(), Samples.finalRound())))
        .isEqualTo(
            """
            round    written     zero     same     stored  ratio     scan     read  compress    write        dirty  predicted   frozen
                       pages    pages    pages      bytes            time     time      time     time         rate   downtime     time
                1     73,249   16,428        0  130.8 MiB   1.70  12.3 ms  62.0 ms  459.7 ms  46.1 ms            -          -        -
                2      1,192        3      212    3.2 MiB   1.19   900 µs   850 µs    6.8 ms   1.1 ms   55.7 MiB/s          -   2.0 ms
            """);
  }

  @Test
  void aRoundInWordsQuotesItsDirtyRateWithTheWindow() {
    assertThat(RoundTable.sentence(Samples.finalRound()))
        .isEqualTo(
            "round 2: 1,192 pages written, 3 zero, 212 same, 3.2 MiB stored (ratio 1.19),"
                + " scan 900 µs, read 850 µs, compress 6.8 ms, write 1.1 ms,"
                + " dirty rate 55.7 MiB/s over 83.0 ms, frozen 2.0 ms");
  }

  /** With soft-dirty tracking live rounds freeze too. */
  @Test
  void aLiveRoundThatFrozeSaysBothWhatItPredictsAndHowLongItFroze() {
    assertThat(RoundTable.sentence(Samples.standstillRound()))
        .endsWith(", predicted downtime 3.1 ms, frozen 1.2 ms");
  }

  @Test
  void aDowntimeNotYetPredictedIsADashInWordsToo() {
    assertThat(RoundTable.sentence(Samples.firstRound())).endsWith(", predicted downtime -");
  }

  @Test
  void aTableGrowsItsColumnsToItsCells() {
    Table table =
        new Table(List.of(Table.Column.text("name"), Table.Column.number("size", "bytes")));
    assertThat(table.render(List.of(List.of("a", "1"), List.of("longer", "1,234,567"))))
        .isEqualTo(
            """
            name         size
                        bytes
            a               1
            longer  1,234,567
            """);
  }
}
