package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.NavigableMap;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class PageTableTest {
  private static final long PAGE = PageTable.PAGE_BYTES;
  private static final long LEAF = PAGE * PageTable.LEAF_PAGES;
  private static final long BASE = 0x7f00_0000_0000L;

  private final PageTable table = new PageTable();
  private final PageTable.Cursor cursor = table.cursor();

  @Test
  void owesWrittenPagesUntilTheyAreSettled() {
    table.list(BASE, BASE + 3 * PAGE, true, false);
    assertThat(owed(BASE, BASE + LEAF)).containsExactly("7f0000000000+3");
    assertThat(table.owedPages()).isEqualTo(3);

    cursor.settleStored(BASE, 1, 2);
    cursor.settleSame(BASE + PAGE);
    cursor.settleZero(BASE + 2 * PAGE);
    assertThat(owed(BASE, BASE + LEAF)).isEmpty();
    assertThat(table.owedPages()).isZero();
  }

  @Test
  void owesPresentPagesThatItDoesNotKnowAlthoughNobodyWroteThem() {
    table.list(BASE, BASE + 2 * PAGE, true, false);
    cursor.settleStored(BASE, 1, 2);
    cursor.settleZero(BASE + PAGE);
    table.sealRound();

    table.list(BASE, BASE + 4 * PAGE, false, false);

    assertThat(owed(BASE, BASE + LEAF)).containsExactly("7f0000002000+2");
  }

  @Test
  void owesAgainWhatWasFileContentOrTheZeroPageAndIsNowPresent() {
    table.list(BASE, BASE + PAGE, true, true);
    table.list(BASE + PAGE, BASE + 2 * PAGE, true, false);
    table.vacate(BASE + PAGE, BASE + 2 * PAGE, PageState.FILE);

    table.list(BASE, BASE + 2 * PAGE, false, false);

    assertThat(owed(BASE, BASE + LEAF)).containsExactly("7f0000000000+2");
  }

  @Test
  void findsThePagesThatItLacks() {
    PageTable.States states = table.states();
    assertThat(states.firstLacking(BASE, BASE + LEAF)).isEqualTo(BASE);
    assertThat(states.firstHeld(BASE, BASE + 3 * LEAF)).isEqualTo(BASE + 3 * LEAF);

    table.list(BASE + LEAF - PAGE, BASE + LEAF + 5 * PAGE, true, false);
    table.vacate(BASE + LEAF + 2 * PAGE, BASE + LEAF + 3 * PAGE, PageState.FILE);

    assertThat(states.firstHeld(BASE, BASE + 3 * LEAF)).isEqualTo(BASE + LEAF - PAGE);
    assertThat(states.firstLacking(BASE + LEAF - PAGE, BASE + 3 * LEAF))
        .as("a page of the file's own content")
        .isEqualTo(BASE + LEAF + 2 * PAGE);
    assertThat(states.firstHeld(BASE + LEAF + 2 * PAGE, BASE + 3 * LEAF))
        .isEqualTo(BASE + LEAF + 3 * PAGE);
    assertThat(states.firstLacking(BASE + LEAF + 3 * PAGE, BASE + 3 * LEAF))
        .isEqualTo(BASE + LEAF + 5 * PAGE);
    assertThat(states.firstLacking(BASE + LEAF + 3 * PAGE, BASE + LEAF + 4 * PAGE))
        .as("within the range asked for")
        .isEqualTo(BASE + LEAF + 4 * PAGE);
  }

  @Test
  void neitherOwesNorHoldsTheZeroPageWhateverWasThereBefore() {
    table.list(BASE, BASE + PAGE, true, false);
    cursor.settleStored(BASE, 1, 2);
    table.sealRound();

    table.list(BASE, BASE + PAGE, true, true);

    assertThat(owed(BASE, BASE + LEAF)).isEmpty();
    assertThat(held()).isEmpty();
    assertThat(cursor.holds(BASE, 1, 2)).isFalse();
  }

  @Test
  void vacatingTakesPagesOutAcrossLeavesAndTouchesNoNeighbour() {
    long start = BASE + LEAF - 2 * PAGE;
    table.list(start, start + LEAF + 4 * PAGE, true, false);

    table.vacate(start + PAGE, start + LEAF + 3 * PAGE, PageState.HOLE);

    assertThat(owed(BASE, BASE + 4 * LEAF)).containsExactly("7f00001fe000+1", "7f0000401000+1");
  }

  @Test
  void vacatingToTheEndOfAllAddressesForgetsEverythingBehind() {
    table.list(BASE, BASE + PAGE, true, false);
    table.list(BASE + 10 * LEAF, BASE + 11 * LEAF, true, false);

    table.vacate(BASE + PAGE, Long.MAX_VALUE, PageState.HOLE);

    assertThat(table.owedPages()).isEqualTo(1);
    assertThat(table.knowsAnything(BASE + LEAF, Long.MAX_VALUE)).isFalse();
  }

  @Test
  void aLeafOfNothingButHolesCostsNothing() {
    table.list(BASE, BASE + LEAF, true, false);
    table.vacate(BASE, BASE + LEAF - PAGE, PageState.HOLE);
    assertThat(table.knowsAnything(BASE, BASE + LEAF)).isTrue();

    table.vacate(BASE + LEAF - PAGE, BASE + LEAF, PageState.HOLE);
    assertThat(table.knowsAnything(BASE, BASE + LEAF)).isFalse();
  }

  @Test
  void holdsTheHashOfWhatTheChainHoldsAndOfNothingElse() {
    table.list(BASE, BASE + 2 * PAGE, true, false);
    cursor.settleStored(BASE, 7, 8);

    assertThat(cursor.holds(BASE, 7, 8)).isTrue();
    assertThat(cursor.holds(BASE, 7, 9)).isFalse();
    assertThat(cursor.holds(BASE, 9, 8)).isFalse();
    assertThat(cursor.holds(BASE + PAGE, 0, 0)).as("listed, never stored").isFalse();
  }

  @Test
  void storedPagesArePresentInTheirRoundAndInTheParentAfterIt() {
    table.list(BASE, BASE + 4 * PAGE, true, false);
    for (int i = 0; i < 4; i++) {
      cursor.settleStored(BASE + i * PAGE, i, i);
    }
    assertThat(held()).containsExactly("7f0000000000+4 stored");
    table.sealRound();
    assertThat(held()).containsExactly("7f0000000000+4 parent");

    table.list(BASE + PAGE, BASE + 3 * PAGE, true, false);
    cursor.settleStored(BASE + PAGE, 9, 9);
    cursor.settleSame(BASE + 2 * PAGE);

    assertThat(held())
        .containsExactly("7f0000000000+1 parent", "7f0000001000+1 stored", "7f0000002000+2 parent");
  }

  @Test
  void anOwedPageThatTheChainHoldsStaysInTheParentMeanwhile() {
    table.list(BASE, BASE + PAGE, true, false);
    cursor.settleStored(BASE, 1, 1);
    table.sealRound();

    table.list(BASE, BASE + PAGE, true, false);

    assertThat(held()).containsExactly("7f0000000000+1 parent");
    assertThat(table.owedPages()).isEqualTo(1);
  }

  @Test
  void anAbortedRoundOwesWhatItStoredAndForgetsTheHashes() {
    table.list(BASE, BASE + 3 * PAGE, true, false);
    cursor.settleStored(BASE, 1, 1);
    cursor.settleStored(BASE + PAGE, 2, 2);
    cursor.settleStored(BASE + 2 * PAGE, 3, 3);
    table.sealRound();
    table.list(BASE, BASE + 2 * PAGE, true, false);
    cursor.settleStored(BASE, 11, 11);
    cursor.settleSame(BASE + PAGE);

    table.abortRound();

    assertThat(owed(BASE, BASE + LEAF)).containsExactly("7f0000000000+1");
    assertThat(cursor.holds(BASE, 11, 11)).as("stored, then aborted: in no file").isFalse();
    assertThat(cursor.holds(BASE, 1, 1)).as("what the chain held is not known any more").isFalse();
    assertThat(held()).containsExactly("7f0000001000+2 parent");
  }

  /** The control: the same page, sealed instead of aborted, counts as the same. */
  @Test
  void aSealedRoundKeepsTheHashesThatAnAbortedOneForgets() {
    table.list(BASE, BASE + PAGE, true, false);
    cursor.settleStored(BASE, 11, 11);

    table.sealRound();

    assertThat(cursor.holds(BASE, 11, 11)).isTrue();
    assertThat(table.owedPages()).isZero();
  }

  @Test
  void aWholeLeafSurvivesSealAndAbort() {
    table.list(BASE, BASE + LEAF, true, false);
    for (int i = 0; i < PageTable.LEAF_PAGES; i++) {
      cursor.settleStored(BASE + i * PAGE, i, i);
    }
    table.sealRound();
    assertThat(held()).containsExactly("7f0000000000+512 parent");
    table.abortRound();
    assertThat(held()).containsExactly("7f0000000000+512 parent");
  }

  @Test
  void collectsOwedPagesOfTheAskedRangeOnly() {
    table.list(BASE, BASE + 2 * LEAF, true, false);

    assertThat(owed(BASE + 510 * PAGE, BASE + 514 * PAGE)).containsExactly("7f00001fe000+4");
    assertThat(owed(BASE + 4 * LEAF, BASE + 5 * LEAF)).isEmpty();
  }

  @Test
  void saysWhereSoManyKnownLeavesEnd() {
    table.list(BASE + LEAF, BASE + LEAF + PAGE, true, false);
    table.list(BASE + 5 * LEAF, BASE + 6 * LEAF + PAGE, true, false);

    assertThat(table.afterLeaves(BASE, BASE + 9 * LEAF, 1)).isEqualTo(BASE + 5 * LEAF);
    assertThat(table.afterLeaves(BASE, BASE + 9 * LEAF, 2)).isEqualTo(BASE + 6 * LEAF);
    assertThat(table.afterLeaves(BASE, BASE + 9 * LEAF, 3)).isEqualTo(BASE + 9 * LEAF);
    assertThat(table.afterLeaves(BASE + LEAF + PAGE, BASE + 5 * LEAF, 1))
        .isEqualTo(BASE + 5 * LEAF);
  }

  @Test
  void refusesToSettleWhatWasNeverListed() {
    assertThatThrownBy(() -> cursor.settleStored(BASE, 1, 1))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("page 0x7f0000000000 was never listed");
  }

  /** What a page should be, kept the plain way. */
  private static final class Model {
    byte content = PageState.HOLE;
    boolean owed;
    boolean stored;
    long hash;
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void agreesWithAPlainModelOverRandomRounds(long seed) {
    Random random = new Random(seed);
    int pages = 3 * PageTable.LEAF_PAGES;
    TreeMap<Integer, Model> model = new TreeMap<>();
    for (int i = 0; i < pages; i++) {
      model.put(i, new Model());
    }
    for (int step = 0; step < 400; step++) {
      int from = random.nextInt(pages);
      int to = Math.min(pages, from + 1 + random.nextInt(random.nextBoolean() ? 20 : 900));
      long start = BASE + from * PAGE;
      long end = BASE + to * PAGE;
      switch (random.nextInt(6)) {
        case 0, 1 -> {
          table.list(start, end, true, false);
          model.subMap(from, to).values().forEach(m -> m.owed = true);
        }
        case 2 -> {
          table.list(start, end, false, false);
          for (Model m : model.subMap(from, to).values()) {
            m.owed |= m.content != PageState.DATA && m.content != PageState.ZERO_BYTES;
          }
        }
        case 3 -> {
          table.list(start, end, true, true);
          reset(model.subMap(from, to).values(), PageState.ZERO);
        }
        case 4 -> {
          byte state = random.nextBoolean() ? PageState.HOLE : PageState.FILE;
          table.vacate(start, end, state);
          // leaves nobody knows stay absent: a hole, which a later listing treats alike
          reset(model.subMap(from, to).values(), state);
        }
        default -> settleSome(random, model);
      }
      if (random.nextInt(10) == 0) {
        endRound(random.nextBoolean(), model);
      }
      compare(seed, step, model);
    }
  }

  private static void reset(Iterable<Model> pages, byte content) {
    for (Model m : pages) {
      m.content = content;
      m.owed = false;
      m.stored = false;
    }
  }

  private void settleSome(Random random, NavigableMap<Integer, Model> model) {
    model.forEach(
        (page, m) -> {
          if (!m.owed || random.nextInt(3) == 0) {
            return;
          }
          long address = BASE + page * PAGE;
          long hash = random.nextInt(4);
          m.owed = false;
          if (hash == 0) {
            cursor.settleZero(address);
            m.content = PageState.ZERO_BYTES;
            m.stored = false;
          } else if (cursor.holds(address, hash, -hash)) {
            assertThat(m.content == PageState.DATA && m.hash == hash).isTrue();
            cursor.settleSame(address);
            m.stored = false;
          } else {
            cursor.settleStored(address, hash, -hash);
            m.content = PageState.DATA;
            m.hash = hash;
            m.stored = true;
          }
        });
  }

  private void endRound(boolean sealed, NavigableMap<Integer, Model> model) {
    if (sealed) {
      table.sealRound();
    } else {
      table.abortRound();
    }
    for (Model m : model.values()) {
      if (m.stored && !sealed) {
        m.content = PageState.HOLE;
        m.owed = true;
      }
      m.stored = false;
    }
  }

  private void compare(long seed, int step, NavigableMap<Integer, Model> model) {
    StringBuilder expectedOwed = new StringBuilder();
    StringBuilder expectedHeld = new StringBuilder();
    model.forEach(
        (page, m) -> {
          expectedOwed.append(m.owed ? 'o' : '.');
          expectedHeld.append(m.content != PageState.DATA ? '.' : m.stored ? 's' : 'p');
        });
    StringBuilder actualOwed = new StringBuilder(".".repeat(model.size()));
    RunList runs = new RunList();
    table.collectOwed(BASE, BASE + model.size() * PAGE, runs, (byte) 0);
    for (int run = 0; run < runs.size(); run++) {
      for (int i = 0; i < runs.pageCount(run); i++) {
        actualOwed.setCharAt((int) ((runs.start(run) - BASE) / PAGE) + i, 'o');
      }
    }
    StringBuilder actualHeld = new StringBuilder(".".repeat(model.size()));
    table.forEachHeld(
        (address, count, stored) -> {
          for (int i = 0; i < count; i++) {
            actualHeld.setCharAt((int) ((address - BASE) / PAGE) + i, stored ? 's' : 'p');
          }
        });
    assertThat(actualOwed.toString())
        .as("owed, seed=%d step=%d", seed, step)
        .isEqualTo(expectedOwed.toString());
    assertThat(actualHeld.toString())
        .as("held, seed=%d step=%d", seed, step)
        .isEqualTo(expectedHeld.toString());
    assertThat(table.owedPages()).isEqualTo(runs.totalPages());
  }

  private List<String> owed(long start, long end) {
    RunList runs = new RunList();
    table.collectOwed(start, end, runs, (byte) 0);
    List<String> found = new ArrayList<>();
    for (int i = 0; i < runs.size(); i++) {
      found.add(String.format("%x+%d", runs.start(i), runs.pageCount(i)));
    }
    return found;
  }

  private List<String> held() {
    List<String> found = new ArrayList<>();
    table.forEachHeld(
        (address, count, stored) ->
            found.add(String.format("%x+%d %s", address, count, stored ? "stored" : "parent")));
    return found;
  }
}
