package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.predump.engine.TargetRefusedException.Kind;
import io.predump.linux.IoctlBinding;
import io.predump.linux.KernelFeatures;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A kernel without what tracking needs, played by the binding. */
final class KernelLackingIT {
  @TempDir Path directory;

  @Test
  void uffdWpIsRefusedByNameWithoutPagemapScanAndTheTargetIsNotTouched() throws IOException {
    KernelFeatures features = OldKernel.features();
    assertThat(features.tracksByWriteProtection()).isFalse();
    try (LiveTarget target = Targets.ready("writer", 1, 16)) {
      TargetRefusedException refused =
          catchThrowableOfType(
              TargetRefusedException.class,
              () -> attach(target, features, TrackerChoice.UFFD_WP).close());

      assertThat(refused.kind()).isEqualTo(Kind.LACKING);
      assertThat(refused)
          .hasMessage(
              "--tracker uffd-wp is not to be had here: pagemap-scan: "
                  + features.pagemapScan().reason()
                  + "; --tracker auto takes what there is");
      assertThat(refused).hasMessageContaining("PAGEMAP_SCAN").hasMessageContaining("6.7");
      assertThat(directory.resolve("images")).doesNotExist();
      assertThat(ProcStatus.read(target.pid()).tracerPid()).isZero();
      Targets.awaitProgress(target);
    }
  }

  /** The control: the same process on the kernel as it is. */
  @Test
  void theSameTargetIsTakenOnThisKernel() throws IOException {
    try (LiveTarget target = Targets.ready("writer", 1, 16);
        PreDumpSession session =
            attach(target, KernelFeatures.probe(IoctlBinding.KERNEL), TrackerChoice.UFFD_WP)) {
      assertThat(session.ended()).isEmpty();
    }
  }

  private PreDumpSession attach(LiveTarget target, KernelFeatures features, TrackerChoice tracker)
      throws IOException {
    return PreDumpSession.attach(
        target.pid(),
        directory.resolve("images"),
        SessionOptions.defaults("test").withTracker(tracker),
        features,
        TestHooks.NONE);
  }
}
