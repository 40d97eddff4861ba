package io.predump.linux;

import static org.assertj.core.api.Assertions.assertThat;

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
}
