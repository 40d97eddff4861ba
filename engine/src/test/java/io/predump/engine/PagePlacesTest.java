package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PagePlacesTest {
  private static final long PAGE = PageTable.PAGE_BYTES;
  private static final long BASE = 0x7f00_0000_0000L;
  private static final long PRESENT = 1L << 63;
  private static final long SWAPPED = 1L << 62;
  private static final long SOFT_DIRTY = 1L << 55;
  private static final long EXCLUSIVE = 1L << 56;

  private final PagePlaces places = new PagePlaces();

  @Test
  void aPageNeverSeenHasMoved() {
    assertThat(places.moved(BASE, PRESENT | 17)).isTrue();
    assertThat(places.moved(BASE + PAGE, PRESENT | 18)).isTrue();
  }

  @Test
  void aPageStaysWhateverItsFlagsSay() {
    places.moved(BASE, PRESENT | 17);

    assertThat(places.moved(BASE, PRESENT | SOFT_DIRTY | EXCLUSIVE | 17)).isFalse();
  }

  @Test
  void aPageInAnotherFrameHasMovedOnce() {
    places.moved(BASE, PRESENT | 17);

    assertThat(places.moved(BASE, PRESENT | 18)).isTrue();
    assertThat(places.moved(BASE, PRESENT | 18)).isFalse();
  }

  @Test
  void aSlotInSwapIsNoFrame() {
    places.moved(BASE, PRESENT | 17);

    assertThat(places.moved(BASE, SWAPPED | 17)).isTrue();
    assertThat(places.moved(BASE, SWAPPED | 17)).isFalse();
    assertThat(places.moved(BASE, SWAPPED | 17 | 1L << 40)).isTrue();
  }

  @Test
  void forgetsWhatTheTableDoesNotKnow() {
    PageTable table = new PageTable();
    table.list(BASE, BASE + PAGE, true, false);
    long elsewhere = BASE + (1L << PageTable.LEAF_SHIFT);
    places.moved(BASE, PRESENT | 17);
    places.moved(elsewhere, PRESENT | 18);

    places.keepOnly(table);

    assertThat(places.moved(BASE, PRESENT | 17)).isFalse();
    assertThat(places.moved(elsewhere, PRESENT | 18)).isTrue();
  }
}
