package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.predump.images.ImageChain;
import io.predump.images.RoundRecord;
import io.predump.images.VmaPolicy;
import io.predump.images.VmaRecord;
import io.predump.linux.KernelFeatures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Hole 5: a dropped huge page of hugetlbfs leaves a marker that looks like a page in swap, not
 * written; reading it would allocate a huge page. And hugetlb memory is tracked by its own page
 * size.
 */
final class H05HugetlbMarkersIT {
  private static final int HUGE_PAGES = 4;
  private static final int PAGES = HUGE_PAGES * 512;
  private static final Path POOL = Path.of("/proc/sys/vm/nr_hugepages");

  @TempDir Path directory;

  private String before = "0";

  @BeforeEach
  void reserveHugePages() throws IOException {
    before = Files.readString(POOL).trim();
    Files.writeString(POOL, String.valueOf(Integer.parseInt(before) + 2 * HUGE_PAGES));
    assumeTrue(freeHugePages() >= 2 * HUGE_PAGES, "so many huge pages in one piece");
  }

  @AfterEach
  void giveThemBack() throws IOException {
    Files.writeString(POOL, before);
  }

  private static long freeHugePages() throws IOException {
    return Targets.statusNumber(Path.of("/proc/meminfo"), "HugePages_Free");
  }

  @Test
  void droppedHugePagesAreHolesAndNotRead() throws IOException {
    assertThat(differentAfterADrop(TestHooks.NONE, "guarded")).isZero();
    if (KernelFeatures.current().tracksHugetlb()) {
      assertThat(differentAfterADrop(TestHooks.without(Protection.HUGETLB_MARKERS), "bare"))
          .as("control")
          .isEqualTo(PAGES);
    }
  }

  private long differentAfterADrop(TestHooks hooks, String images) throws IOException {
    try (Script script = Script.start()) {
      script.map("h", "hugetlb", PAGES);
      script.tell("fill h 1");
      try (PreDumpSession session = script.attach(directory.resolve(images), hooks)) {
        session.round().orElseThrow();
        script.tell("drop h");
        long free = freeHugePages();
        session.round().orElseThrow();
        long different = Script.different(session);
        assertThat(freeHugePages()).as("free huge pages").isEqualTo(free);
        return different;
      }
    }
  }

  @Test
  void hugetlbMemoryIsTrackedWhereTheKernelIsSound() throws IOException {
    try (Script script = Script.start()) {
      long start = script.map("h", "hugetlb", PAGES);
      script.tell("fill h 1");
      try (PreDumpSession session = script.attach(directory.resolve("images"), TestHooks.NONE)) {
        session.round().orElseThrow();
        RoundRecord idle = session.round().orElseThrow();
        script.tell("lower h 2");
        RoundRecord busy = session.round().orElseThrow();

        boolean tracks = KernelFeatures.current().tracksHugetlb();
        assertThat(policyAt(start)).isEqualTo(tracks ? VmaPolicy.TRACK : VmaPolicy.COMPARE);
        if (tracks) {
          assertThat(idle.pages().written()).isLessThan(PAGES / 4);
          assertThat(busy.pages().written()).isBetween(PAGES / 2L, PAGES / 2L + 250);
        }
        assertThat(busy.pages().stored()).isGreaterThanOrEqualTo(PAGES / 2L);
        assertThat(Script.different(session)).isZero();
      }
    }
  }

  private VmaPolicy policyAt(long address) throws IOException {
    try (ImageChain chain = ImageChain.open(directory.resolve("images"))) {
      return chain.newest().manifest().vmas().stream()
          .filter(vma -> vma.start() <= address && address < vma.end())
          .map(VmaRecord::policy)
          .findFirst()
          .orElseThrow();
    }
  }
}
