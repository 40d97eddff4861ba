package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

final class DowntimeModelTest {
  private static final long GIB = 1L << 30;

  @Test
  void theFloorGrowsWithThreadsAndWithPagesToScan() {
    assertThat(new DowntimeModel(1).floorMicros(0)).isEqualTo(510);
    assertThat(new DowntimeModel(101).floorMicros(0)).isEqualTo(1510);
    assertThat(new DowntimeModel(1).floorMicros(1_000_000)).isEqualTo(4510);
  }

  @Test
  void predictsTheFloorPlusTheReadingOfWhatIsDirty() {
    DowntimeModel model = new DowntimeModel(1);

    assertThat(model.predictMicros(1000, 0)).isEqualTo(model.floorMicros(1000));
    assertThat(model.predictMicros(1000, 3_000_000)).isEqualTo(model.floorMicros(1000) + 1000);
  }

  @Test
  void learnsHowFastItReads() {
    DowntimeModel model = new DowntimeModel(1);
    long before = model.predictMicros(0, GIB) - model.floorMicros(0);
    for (int i = 0; i < 40; i++) {
      model.learnReading(GIB, 2 * GIB);
    }

    assertThat(model.predictMicros(0, GIB) - model.floorMicros(0))
        .isBetween(5 * before, 7 * before)
        .isCloseTo(2 * GIB / 1000, within(100L));
  }

  @Test
  void learnsNothingFromASmallOrATimelessReading() {
    DowntimeModel model = new DowntimeModel(1);
    long before = model.predictMicros(0, GIB);
    model.learnReading(1 << 20, GIB);
    model.learnReading(GIB, 0);

    assertThat(model.predictMicros(0, GIB)).isEqualTo(before);
  }
}
