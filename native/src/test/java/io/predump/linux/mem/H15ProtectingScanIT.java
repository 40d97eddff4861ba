package io.predump.linux.mem;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.predump.linux.Pid;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Hole 15: a protecting scan that matches holes locks up for ever on hugetlb memory of older
 * kernels, and fills page tables with markers on all. The scanner refuses one before the kernel
 * sees it.
 */
final class H15ProtectingScanIT {
  private static final long WRITTEN = PageCategories.WRITTEN;
  private static final long PRESENT = PageCategories.PRESENT;
  private static final long SWAPPED = PageCategories.SWAPPED;

  @ParameterizedTest(name = "inverted={0} mask={1} anyOf={2}")
  @CsvSource({
    "0, 2, 0", // WRITTEN alone
    "0, 0, 0", // everything
    "0, 0, 26", // WRITTEN or PRESENT or SWAPPED
    "8, 8, 0", // not PRESENT
    "8, 0, 24", // not PRESENT, or SWAPPED
  })
  void aScanThatWouldProtectHolesIsRefused(long inverted, long mask, long anyOf) throws Exception {
    int[] calls = {0};
    try (PagemapScanner scanner =
        PagemapScanner.open(Pid.self(), (fd, request, argument) -> ++calls[0] * 0, 8)) {
      assertThatThrownBy(
              () ->
                  scanner.scan(
                      0x1000, 0x2000, PagemapScanner.WP_MATCHING, inverted, mask, anyOf, WRITTEN))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageStartingWith("a protecting scan must want pages that are there");
      assertThat(calls[0]).as("calls of the kernel").isZero();
    }
  }

  @Test
  void theSameScanWithoutProtectingIsTheKernelsToAnswer() throws Exception {
    try (PagemapScanner scanner = PagemapScanner.open(Pid.self())) {
      assertThat(scanner.scan(0x10000, 0x11000, 0, 0, WRITTEN, 0, WRITTEN)).isNotNegative();
      assertThat(scanner.scan(0x10000, 0x11000, 0, 0, 0, PRESENT | SWAPPED, WRITTEN)).isZero();
    }
  }
}
