package io.predump.images;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The sets of pages behave as maps from addresses do. */
class PageLayoutTest {
  private static final int PAGES = 64;

  /** Near the end of the address space, where a signed comparison would go wrong. */
  private static final long[] BASES = {
    0, 0x7fff_ffff_ffff_f000L - PAGES / 2 * 4096L, 0xffff_ffff_f000_0000L
  };

  private record Place(int origin, long sourcePage) {}

  private static PageLayout random(Random random, long base, int originsFrom) {
    PageLayout.Builder b = new PageLayout.Builder();
    long[] source = new long[4];
    for (int page = 0; page < PAGES; ) {
      int n = Math.min(PAGES - page, 1 + random.nextInt(6));
      if (random.nextBoolean()) {
        int origin = originsFrom + random.nextInt(4);
        int i = origin - originsFrom;
        b.add(base + page * 4096L, n, origin, origin == PageLayout.ZEROS ? 0 : source[i]);
        source[i] += n + random.nextInt(2);
      }
      page += n;
    }
    return b.build();
  }

  private static SortedMap<Long, Place> map(PageLayout layout) {
    SortedMap<Long, Place> pages = new TreeMap<>(Long::compareUnsigned);
    long last = 0;
    for (int i = 0; i < layout.count(); i++) {
      assertThat(Long.compareUnsigned(layout.vaddr(i), last)).as("ascending").isNotNegative();
      assertThat(layout.pages(i)).isPositive();
      last = layout.end(i);
      for (long p = 0; p < layout.pages(i); p++) {
        boolean zeros = layout.origin(i) == PageLayout.ZEROS;
        pages.put(
            layout.vaddr(i) + p * 4096,
            new Place(layout.origin(i), zeros ? 0 : layout.sourcePage(i) + p));
      }
    }
    assertThat(layout.pageCount()).isEqualTo(pages.size());
    return pages;
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3, 4})
  void setsOfPagesAreRight(long seed) {
    Random random = new Random(seed);
    for (int round = 0; round < 2_000; round++) {
      long base = BASES[random.nextInt(BASES.length)];
      PageLayout a = random(random, base, -1);
      PageLayout b = random(random, base, 3);

      SortedMap<Long, Place> either = map(b);
      either.putAll(map(a));
      assertThat(map(a.orElse(b))).isEqualTo(either);

      SortedMap<Long, Place> both = map(a);
      both.keySet().retainAll(map(b).keySet());
      assertThat(map(a.within(b))).isEqualTo(both);

      long start = base + random.nextInt(PAGES) * 4096L;
      long end = start + random.nextInt(PAGES) * 4096L;
      SortedMap<Long, Place> between = map(a);
      between
          .keySet()
          .removeIf(p -> Long.compareUnsigned(p, start) < 0 || Long.compareUnsigned(p, end) >= 0);
      assertThat(map(a.between(start, end))).isEqualTo(between);
    }
  }
}
