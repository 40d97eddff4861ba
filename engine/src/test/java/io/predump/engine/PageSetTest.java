package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class PageSetTest {
  private static final long PAGE = PageTable.PAGE_BYTES;
  private static final long LEAF = 1L << PageTable.LEAF_SHIFT;

  private final PageSet set = new PageSet();

  private static List<String> drained(PageSet set) {
    List<String> runs = new ArrayList<>();
    set.drain((start, end) -> runs.add(start / PAGE + "-" + end / PAGE));
    return runs;
  }

  @Test
  void handsOutWhatWasAddedInOrderOnce() {
    set.add(10 * PAGE, 12 * PAGE);
    set.add(3 * PAGE, 4 * PAGE);
    set.add(11 * PAGE, 14 * PAGE);

    assertThat(set.isEmpty()).isFalse();
    assertThat(drained(set)).containsExactly("3-4", "10-14");
    assertThat(set.isEmpty()).isTrue();
    assertThat(drained(set)).isEmpty();
  }

  @Test
  void aRunAcrossLeavesComesInParts() {
    set.add(LEAF - PAGE, 2 * LEAF + PAGE);

    assertThat(drained(set)).containsExactly("511-512", "512-1024", "1024-1025");
  }

  @Test
  void takesWhatAnotherHoldsAndEmptiesIt() {
    PageSet other = new PageSet();
    other.add(PAGE, 2 * PAGE);
    set.add(2 * PAGE, 3 * PAGE);
    set.take(other);
    other.add(7 * PAGE, 8 * PAGE);

    assertThat(drained(set)).containsExactly("1-3");
    assertThat(drained(other)).containsExactly("7-8");
  }
}
