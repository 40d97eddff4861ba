package io.predump.linux.mem;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.jna.Pointer;
import io.predump.linux.Errno;
import io.predump.linux.IoctlBinding;
import io.predump.linux.PageRegion;
import io.predump.linux.Pid;
import io.predump.linux.PmScanArg;
import io.predump.linux.SyscallException;
import java.util.ArrayDeque;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The scanner against kernels that exist nowhere: the binding plays them. */
class PagemapScannerTest {
  /** Writes regions of one page each, then answers. */
  private record Answer(int regions, long walkEnd, int result) {
    int give(long argument) {
      Pointer arg = new Pointer(argument);
      Pointer vec = new Pointer(arg.getLong(PmScanArg.VEC));
      long start = arg.getLong(PmScanArg.START);
      for (int i = 0; i < regions; i++) {
        long region = (long) i * PageRegion.BYTES;
        vec.setLong(region + PageRegion.START, start + i * 8192L);
        vec.setLong(region + PageRegion.END, start + i * 8192L + 4096);
        vec.setLong(region + PageRegion.CATEGORIES, PageCategories.WRITTEN);
      }
      arg.setLong(PmScanArg.WALK_END, walkEnd);
      return result;
    }
  }

  private static PagemapScanner scanner(Answer... answers) throws SyscallException {
    ArrayDeque<Answer> left = new ArrayDeque<>(List.of(answers));
    IoctlBinding kernel = (fd, request, argument) -> left.remove().give(argument);
    return PagemapScanner.open(Pid.self(), kernel, 4);
  }

  @Test
  void regionsOfAFailedScanAreThoseOfThisScanOnly() throws SyscallException {
    try (PagemapScanner scanner =
        scanner(
            new Answer(4, 0x90000, 4), new Answer(1, 0x90000, -1), new Answer(0, 0x90000, -1))) {
      assertThat(scanner.scan(0x10000, 0x90000, 0, 0, 0, 0, 0)).isEqualTo(4);

      assertThatThrownBy(() -> scanner.scan(0x10000, 0x90000, 0, 0, 0, 0, 0))
          .hasMessageEndingWith("PAGEMAP_SCAN, 0x10000-0x90000): EPERM");
      assertThat(scanner.regionCount()).isEqualTo(1);
      assertThat(scanner.walkEnd()).isEqualTo(0x11000);

      assertThatThrownBy(() -> scanner.scan(0x10000, 0x90000, 0, 0, 0, 0, 0))
          .isInstanceOf(SyscallException.class);
      assertThat(scanner.regionCount()).isZero();
      assertThat(scanner.walkEnd()).isEqualTo(0x10000);
    }
  }

  @Test
  void anInterruptedScanKeepsWhatItConsumed() throws SyscallException {
    int interrupted = -Errno.EINTR.number();
    try (PagemapScanner scanner =
        scanner(new Answer(0, 0x90000, interrupted), new Answer(2, 0x90000, interrupted))) {
      assertThat(scanner.scan(0x10000, 0x90000, 0, 0, 0, 0, 0)).isEqualTo(2);
      assertThat(scanner.walkEnd()).isEqualTo(0x13000);
    }
  }

  @Test
  void aScanThatStandsStillIsAnErrorNotALoop() throws SyscallException {
    try (PagemapScanner scanner = scanner(new Answer(0, 0x10000, 0))) {
      assertThatThrownBy(() -> scanner.scan(0x10000, 0x90000, 0, 0, 0, 0, 0))
          .hasMessageEndingWith("EINVAL (no progress, walk_end=0x10000)");
    }
  }

  @Test
  void aKernelWithoutTheRequestIsNamed() throws SyscallException {
    try (PagemapScanner scanner = scanner(new Answer(0, 0, -Errno.ENOTTY.number()))) {
      assertThatThrownBy(() -> scanner.scan(0x10000, 0x90000, 0, 0, 0, 0, 0))
          .isInstanceOfSatisfying(
              SyscallException.class, e -> assertThat(e.is(Errno.ENOTTY)).isTrue());
    }
  }

  @Test
  void categoriesKeepUnknownBits() {
    assertThat(PageCategories.toString(0)).isEqualTo("0");
    assertThat(PageCategories.toString(0x1ff))
        .isEqualTo("WPALLOWED|WRITTEN|FILE|PRESENT|SWAPPED|PFNZERO|HUGE|SOFT_DIRTY|GUARD");
    assertThat(PageCategories.toString(0x402)).isEqualTo("WRITTEN|0x400");
  }
}
