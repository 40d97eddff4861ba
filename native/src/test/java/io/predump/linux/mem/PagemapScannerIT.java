package io.predump.linux.mem;

import static io.predump.linux.mem.PageCategories.FILE;
import static io.predump.linux.mem.PageCategories.GUARD;
import static io.predump.linux.mem.PageCategories.PFNZERO;
import static io.predump.linux.mem.PageCategories.PRESENT;
import static io.predump.linux.mem.PageCategories.SWAPPED;
import static io.predump.linux.mem.PageCategories.WRITTEN;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.predump.linux.AddressRange;
import io.predump.linux.Errno;
import io.predump.linux.IoctlBinding;
import io.predump.linux.KernelFeatures;
import io.predump.linux.SyscallException;
import io.predump.linux.ptrace.UserfaultfdInjection;
import io.predump.linux.testkit.CProgram;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class PagemapScannerIT {
  private static final int PAGES = 64;
  private static final long ARM = PagemapScanner.WP_MATCHING | PagemapScanner.CHECK_WPASYNC;

  private LiveTarget target;
  private Userfaultfd uffd;
  private PagemapScanner scanner;
  private long start;

  PagemapScannerIT() throws IOException {
    assumeTrue(
        KernelFeatures.current().tracksByWriteProtection(),
        "skipped: this kernel cannot track by write protection");
    target = LiveTarget.start(CProgram.resource(LiveTarget.class, "memory.c"), "" + PAGES);
    start = Long.parseUnsignedLong(target.nextLine(), 16);
    uffd = Userfaultfd.adopt(UserfaultfdInjection.inject(target.pid()).userfaultfd());
    scanner = PagemapScanner.open(target.pid());
  }

  @BeforeEach
  void register() throws IOException {
    uffd.api();
    uffd.registerWriteProtect(page(0, PAGES));
  }

  @AfterEach
  void close() throws IOException {
    scanner.close();
    uffd.close();
    target.close();
  }

  private AddressRange page(long first, long count) {
    return new AddressRange(start + first * 4096, start + (first + count) * 4096);
  }

  /** Policy A for anonymous memory. */
  private List<String> arm() throws IOException {
    long guard = KernelFeatures.current().guardCategory().present() ? GUARD : 0;
    scanner.scan(
        start,
        start + PAGES * 4096L,
        ARM,
        guard,
        guard,
        PRESENT | SWAPPED,
        WRITTEN | PRESENT | SWAPPED | PFNZERO);
    return regions(scanner);
  }

  private List<String> regions(PagemapScanner of) {
    List<String> regions = new ArrayList<>();
    for (int i = 0; i < of.regionCount(); i++) {
      regions.add(
          (of.regionStart(i) - start) / 4096
              + "-"
              + (of.regionEnd(i) - start) / 4096
              + " "
              + PageCategories.toString(of.regionCategories(i)));
    }
    return regions;
  }

  @Test
  @Tag("linux-6.12")
  void listsOnlyTouchedPagesAndTheirWritesOnce() throws IOException {
    target.ask("w 3 1");
    target.ask("w 4 1");
    target.ask("w 10 1");

    assertThat(arm()).containsExactly("3-5 WRITTEN|PRESENT", "10-11 WRITTEN|PRESENT");
    assertThat(scanner.walkEnd()).isEqualTo(start + PAGES * 4096L);
    assertThat(arm()).containsExactly("3-5 PRESENT", "10-11 PRESENT");

    target.ask("w 4 2");
    assertThat(arm()).containsExactly("3-4 PRESENT", "4-5 WRITTEN|PRESENT", "10-11 PRESENT");
  }

  @Test
  @Tag("linux-6.12")
  void dropsAreSeenByAbsence() throws IOException {
    target.ask("w 3 1");
    arm();
    target.ask("d 3 1");

    assertThat(arm()).isEmpty();
  }

  @Test
  @Tag("linux-6.12")
  void listsEverythingEvenWithRoomForOneRegion() throws IOException {
    for (int page = 0; page < 10; page += 2) {
      target.ask("w " + page + " 1");
    }
    List<String> regions = new ArrayList<>();
    try (PagemapScanner small = PagemapScanner.open(target.pid(), IoctlBinding.KERNEL, 1)) {
      long end = start + PAGES * 4096L;
      for (long at = start; at != end; at = small.walkEnd()) {
        small.scan(at, end, ARM, 0, 0, PRESENT | SWAPPED, WRITTEN | PRESENT);
        regions.addAll(regions(small));
      }
    }

    assertThat(regions)
        .containsExactly(
            "0-1 WRITTEN|PRESENT",
            "2-3 WRITTEN|PRESENT",
            "4-5 WRITTEN|PRESENT",
            "6-7 WRITTEN|PRESENT",
            "8-9 WRITTEN|PRESENT");
  }

  @Test
  @Tag("linux-6.12")
  void anUnregisteredMappingIsAnErrorAndWhatWasConsumedBeforeIsHarvested() throws IOException {
    for (int page = 0; page < 40; page++) {
      target.ask("w " + page + " 1");
    }
    arm();
    target.ask("w 1 2");
    target.ask("m 20 4");

    assertThatThrownBy(this::arm)
        .isInstanceOf(SyscallException.class)
        .hasMessage(
            "ioctl(/proc/"
                + target.pid()
                + "/pagemap, PAGEMAP_SCAN, "
                + page(0, PAGES)
                + "): EPERM");
    assertThat(regions(scanner))
        .containsExactly("0-1 PRESENT", "1-2 WRITTEN|PRESENT", "2-20 PRESENT");
    assertThat(scanner.walkEnd()).isEqualTo(start + 20 * 4096);

    uffd.registerWriteProtect(page(20, 4));
    assertThat(arm()).containsExactly("0-20 PRESENT", "20-24 WRITTEN|PRESENT", "24-40 PRESENT");
  }

  @Test
  @Tag("linux-6.12")
  void withoutTheCheckAnUnregisteredMappingIsSilentlySkipped() throws IOException {
    target.ask("m 20 4");
    int regions =
        scanner.scan(
            start,
            start + PAGES * 4096L,
            PagemapScanner.WP_MATCHING,
            0,
            0,
            PRESENT | SWAPPED,
            WRITTEN | PRESENT);

    assertThat(regions).as("why CHECK_WPASYNC is always set").isZero();
  }

  /**
   * Not on Linux 6.12, where the descriptor does not tell; the engine's TargetEndsIT runs there.
   */
  @Test
  void anExecEndsTheAddressSpace() throws IOException {
    assertThat(scanner.sameAddressSpace()).isTrue();
    assertThat(target.ask("x")).isEqualTo("ok");
    long deadline = System.nanoTime() + 5_000_000_000L;
    while (scanner.sameAddressSpace() && System.nanoTime() < deadline) {
      LiveTarget.pause(1);
    }

    assertThat(scanner.sameAddressSpace()).isFalse();
    assertThat(whatScansSay()).isIn(Optional.of(Errno.ESRCH), Optional.empty());
    assertThat(target.isAlive()).isTrue();
  }

  /** The error of a scan. Of a dead address space, most kernels say nothing. */
  private Optional<Errno> whatScansSay() throws IOException {
    try {
      arm();
      return Optional.empty();
    } catch (SyscallException e) {
      return Optional.of(e.errno());
    }
  }

  @Test
  @Tag("linux-6.12")
  void rawEntriesAndReadsAgreeWithWhatTheTargetWrote() throws IOException {
    target.ask("w 5 77");
    arm();
    target.ask("w 6 78");
    try (RawPagemap raw = RawPagemap.open(target.pid());
        ProcessMemory memory = ProcessMemory.open(target.pid());
        io.predump.linux.NativeBuffer local = io.predump.linux.NativeBuffer.allocate(1 << 20)) {
      assertThat(raw.read(start, 8)).isEqualTo(8);
      assertThat(RawPagemap.present(raw.entry(4))).isFalse();
      assertThat(RawPagemap.present(raw.entry(5))).isTrue();
      assertThat(RawPagemap.uffdWp(raw.entry(5))).isTrue();
      assertThat(RawPagemap.uffdWp(raw.entry(6))).isFalse();
      assertThat(RawPagemap.exclusive(raw.entry(5))).isTrue();
      assertThat(RawPagemap.file(raw.entry(5))).isFalse();

      assertThat(memory.pread(local.address(), 8192, start + 5 * 4096)).isEqualTo(8192);
      assertThat(local.bytes().get(0)).isEqualTo((byte) 77);
      assertThat(local.bytes().get(4096)).isEqualTo((byte) 78);

      assertThat(target.ask("p 6 1")).isEqualTo("ok");
      if (KernelFeatures.current().procMemForce().present()) {
        assertThat(memory.pread(local.address(), 4096, start + 6 * 4096)).isEqualTo(4096);
        assertThat(local.bytes().get(0)).isEqualTo((byte) 78);
      }
      assertThat(target.ask("u 6 1")).isEqualTo("ok");
      assertThat(memory.pread(local.address(), 8192, start + 5 * 4096))
          .as("up to the page that cannot be read")
          .isEqualTo(4096);
      assertThatThrownBy(() -> memory.pread(local.address(), 4096, 0x1000))
          .isInstanceOf(SyscallException.class)
          .hasMessage("pread(/proc/" + target.pid() + "/mem, 0x1000-0x2000): EIO");
    }
  }

  @Test
  @Tag("linux-6.12")
  void fileCategoryIsKnown() throws IOException {
    target.ask("s 30 4");
    scanner.scan(start + 30 * 4096, start + 34 * 4096, 0, 0, PRESENT, 0, FILE | PRESENT);

    assertThat(regions(scanner)).containsExactly("30-31 FILE|PRESENT", "33-34 FILE|PRESENT");
  }
}
