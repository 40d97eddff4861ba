package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class RangeSetTest {
  @Test
  void joinsRangesThatTouchOrOverlap() {
    RangeSet set = new RangeSet();
    set.add(10, 20);
    set.add(30, 40);
    set.add(20, 30);
    set.add(5, 12);

    assertThat(set.ranges()).containsExactly(new long[] {5, 40});
    assertThat(set.contains(5, 40)).isTrue();
    assertThat(set.contains(4, 6)).isFalse();
    assertThat(set.contains(39, 41)).isFalse();
  }

  @Test
  void takesAMiddleOut() {
    RangeSet set = new RangeSet();
    set.add(0, 100);
    set.remove(40, 60);

    assertThat(set.ranges()).containsExactly(new long[] {0, 40}, new long[] {60, 100});
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
  void agreesWithABitSet(long seed) {
    Random random = new Random(seed);
    int size = 300;
    RangeSet set = new RangeSet();
    BitSet model = new BitSet(size);
    for (int step = 0; step < 2000; step++) {
      int start = random.nextInt(size);
      int end = Math.min(size, start + 1 + random.nextInt(random.nextBoolean() ? 4 : 60));
      if (random.nextInt(5) < 3) {
        set.add(start, end);
        model.set(start, end);
      } else {
        set.remove(start, end);
        model.clear(start, end);
      }
      assertThat(bits(set, size)).as("seed=%d step=%d", seed, step).isEqualTo(model);
      assertThat(gaps(set)).as("disjoint, seed=%d step=%d", seed, step).allMatch(gap -> gap > 0);
      int from = random.nextInt(size);
      int to = Math.min(size, from + 1 + random.nextInt(20));
      assertThat(set.contains(from, to))
          .as("contains, seed=%d step=%d", seed, step)
          .isEqualTo(model.nextClearBit(from) >= to);
    }
  }

  private static BitSet bits(RangeSet set, int size) {
    BitSet bits = new BitSet(size);
    set.ranges().forEach(range -> bits.set((int) range[0], (int) range[1]));
    return bits;
  }

  private static List<Long> gaps(RangeSet set) {
    List<Long> gaps = new ArrayList<>();
    long[] before = null;
    for (long[] range : set.ranges()) {
      gaps.add(range[1] - range[0]);
      if (before != null) {
        gaps.add(range[0] - before[1]);
      }
      before = range;
    }
    return gaps;
  }
}
