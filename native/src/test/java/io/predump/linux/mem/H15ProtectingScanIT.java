package io.predump.linux.mem;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.predump.linux.Pid;
import io.predump.linux.testkit.CProgram;
import io.predump.linux.testkit.LiveTarget;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Hole 15: a protecting scan that matches holes locks up for ever on hugetlb memory of older
 * kernels, and fills page tables with markers on all. The scanner refuses one before the kernel
 * sees it.
 *
 * <p>The control may leave a process behind that nothing can end, so it is for machines that are
 * thrown away, and the last class that runs there.
 */
@Order(Integer.MAX_VALUE)
final class H15ProtectingScanIT {
  private static final long WRITTEN = PageCategories.WRITTEN;
  private static final long PRESENT = PageCategories.PRESENT;
  private static final long SWAPPED = PageCategories.SWAPPED;
  private static final Path RELEASE = Path.of("/proc/sys/kernel/osrelease");
  private static final Path POOL = Path.of("/proc/sys/vm/nr_hugepages");

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

  /** Debian's 6.12.94 hangs (seen), its 6.12.107 does not: the fix is of July 2026. */
  @Test
  @Tag("linux-6.12")
  void theSameScanOfAnOlderKernelNeverEndsAndOursDoes() throws Exception {
    assumeTrue(
        Boolean.getBoolean("predump.disposable"),
        "leaves a process that nothing can end: in the machines of vm-test only");
    Files.writeString(POOL, "4");
    CProgram program = CProgram.resource(LiveTarget.class, "holescan.c");
    assertThat(program.output(String.valueOf(PRESENT | SWAPPED))).isEqualTo("returned\n");

    int patch = Integer.parseInt(Files.readString(RELEASE).split("[.+-]", -1)[2]);
    assumeTrue(patch <= 94 || patch >= 107, "whether 6.12." + patch + " is mended is not known");
    String expected = patch <= 94 ? "hangs\n" : "returned\n";
    assertThat(program.output("0")).as("control: the bare scan").isEqualTo(expected);
  }
}
