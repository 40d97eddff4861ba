package io.predump.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.predump.linux.mem.RawPagemap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What the self-test finds is what this version of the kernel has. */
@Tag("linux-6.1")
@Tag("linux-6.12")
class KernelFeaturesIT {
  private static final Pattern RELEASE = Pattern.compile("(\\d+)\\.(\\d+)[.-].*");

  private final KernelFeatures features = KernelFeatures.current();

  private boolean since(int major, int minor) {
    Matcher release = RELEASE.matcher(features.kernelRelease());
    assertThat(release.matches()).as(features.kernelRelease()).isTrue();
    int ours = Integer.parseInt(release.group(1));
    return ours > major || (ours == major && Integer.parseInt(release.group(2)) >= minor);
  }

  @Test
  void writeProtectionIsThereSinceLinux67() {
    assertThat(features.pagemapScan().present()).isEqualTo(since(6, 7));
    assertThat(features.wpAsync().present()).isEqualTo(since(6, 7));
    assertThat(features.tracksByWriteProtection()).isEqualTo(since(6, 7));
  }

  @Test
  void theGuardCategoryIsThereSinceLinux615() {
    assertThat(features.guardCategory().present()).isEqualTo(since(6, 15));
  }

  /** A page of a new mapping is soft-dirty where the kernel knows the notion, never elsewhere. */
  @Test
  void softDirtyIsThereWhereAFreshPageIs() throws SyscallException {
    try (NativeBuffer page = NativeBuffer.allocate(LibC.PAGE_BYTES);
        RawPagemap pagemap = RawPagemap.open(Pid.self())) {
      page.bytes().put(0, (byte) 1);
      assertThat(pagemap.read(page.address(), 1)).isEqualTo(1);

      assertThat(features.softDirty().present())
          .as(features.softDirty().reason())
          .isEqualTo(RawPagemap.softDirty(pagemap.entry(0)));
    }
  }

  /** Reading memory of our own that was never written shows the zero page. */
  @Test
  void theZeroPageLiesWhereItLiesForEverybody() throws SyscallException {
    assumeTrue(features.rawPagemap().present(), () -> features.rawPagemap().toString());
    try (NativeBuffer page = NativeBuffer.allocate(LibC.PAGE_BYTES);
        RawPagemap pagemap = RawPagemap.open(Pid.self())) {
      LibC.madvise(page.address(), page.byteCount(), LibC.MADV_NOHUGEPAGE);
      assertThat(page.bytes().get(0)).isZero();
      pagemap.read(page.address(), 1);
      assertThat(RawPagemap.place(pagemap.entry(0))).isEqualTo(RawPagemap.zeroPlace()).isNotZero();

      page.bytes().put(0, (byte) 1);
      pagemap.read(page.address(), 1);
      assertThat(RawPagemap.place(pagemap.entry(0))).isNotEqualTo(RawPagemap.zeroPlace());
    }
  }
}
