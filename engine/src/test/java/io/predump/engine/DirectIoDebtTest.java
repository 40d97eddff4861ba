package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

final class DirectIoDebtTest {
  private static final long PAGE = PageTable.PAGE_BYTES;
  private static final long SECOND = 1_000_000_000;

  private final PageTable table = new PageTable();
  private final DirectIoDebt debt = new DirectIoDebt(Duration.ofSeconds(10));

  /** A round that scans at a time, reads all that is owed, and commits. */
  private long readByARound(long atSecond, int... writtenPages) {
    for (int page : writtenPages) {
      table.list(page * PAGE, (page + 1) * PAGE, true, false);
    }
    debt.scanned(table, atSecond * SECOND);
    long owed = table.owedPages();
    PageTable.Cursor cursor = table.cursor();
    table.forEachOwed(
        (start, end) -> {
          for (long at = start; at < end; at += PAGE) {
            cursor.settleStored(at, 1, 1);
          }
        });
    table.sealRound();
    return owed;
  }

  private long owedUnderTheFreeze() {
    debt.allDue(table);
    return table.owedPages();
  }

  @Test
  void whatWasListedIsReadOnceMoreAfterTheLongestRead() {
    assertThat(readByARound(0, 1, 2)).isEqualTo(2);
    assertThat(readByARound(5)).isZero();
    assertThat(readByARound(11)).as("a generation ends").isZero();
    assertThat(readByARound(22)).as("listed 22 s ago").isEqualTo(2);
  }

  @Test
  void whatWasReadAgainLateEnoughIsOwedNoMore() {
    readByARound(0, 1, 2);
    readByARound(11);
    readByARound(22);
    readByARound(33);
    readByARound(44);
    readByARound(55);

    // Read again at 22 s, they are a new debt of that scan only if a scan lists them.
    assertThat(owedUnderTheFreeze()).isZero();
  }

  @Test
  void theFreezeReadsEverythingListedLately() {
    readByARound(0, 1, 2);
    readByARound(5, 3);

    assertThat(owedUnderTheFreeze()).isEqualTo(3);
  }

  @Test
  void whatIsGoneMeanwhileIsNotRead() {
    readByARound(0, 1, 2);
    table.vacate(PAGE, 2 * PAGE, PageState.HOLE);

    assertThat(owedUnderTheFreeze()).isEqualTo(1);
  }
}
