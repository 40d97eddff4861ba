package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

final class RoundAssemblyTest {
  private static final long BASE = 0x7f00_0000_0000L;
  private static final long PAGE = PageTable.PAGE_BYTES;

  private final PageTable settled = new PageTable();
  private final PageTable table = new PageTable();

  @Test
  void aFinalRoundThatLeavesAPageOwedIsRefused() {
    table.list(BASE, BASE + 3 * PAGE, true, false);
    table.cursor().settleStored(BASE, 1, 2);

    assertThatThrownBy(() -> RoundAssembly.requireNoneOwed(List.of(settled, table)))
        .hasMessage("the final round lacks 2 pages that were written, the first at 0x7f0000001000");
  }

  /** The control: they are stored, or found zero. */
  @Test
  void oneThatHoldsAllIsNot() {
    table.list(BASE, BASE + 2 * PAGE, true, false);
    table.cursor().settleStored(BASE, 1, 2);
    table.cursor().settleZero(BASE + PAGE);

    assertThatCode(() -> RoundAssembly.requireNoneOwed(List.of(settled, table)))
        .doesNotThrowAnyException();
  }
}
