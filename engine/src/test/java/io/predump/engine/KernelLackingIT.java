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
  private static final long PAGEMAP_SCAN = 0xc0606610L;
  private static final int ENOTTY = 25;

  @TempDir Path directory;

  private static int withoutPagemapScan(int fd, long request, long argument) {
    return request == PAGEMAP_SCAN ? -ENOTTY : IoctlBinding.KERNEL.ioctl(fd, request, argument);
  }

  @Test
  void aKernelWithoutPagemapScanIsNamedAndTheTargetIsNotTouched() throws IOException {
    KernelFeatures features = KernelFeatures.probe(KernelLackingIT::withoutPagemapScan);
    assertThat(features.tracksByWriteProtection()).isFalse();
    try (LiveTarget target = Targets.ready("writer", 1, 16)) {
      TargetRefusedException refused =
          catchThrowableOfType(
              TargetRefusedException.class, () -> attach(target, features).close());

      assertThat(refused.kind()).isEqualTo(Kind.LACKING);
      assertThat(refused)
          .hasMessage(
              "this kernel cannot track writes: "
                  + features.pagemapScan().name()
                  + ": "
                  + features.pagemapScan().reason());
      assertThat(refused).hasMessageContaining("PAGEMAP_SCAN").hasMessageContaining("6.7");
      assertThat(ProcStatus.read(target.pid()).tracerPid()).isZero();
      Targets.awaitProgress(target);
    }
  }

  /** The control: the same process on the kernel as it is. */
  @Test
  void theSameTargetIsTakenOnThisKernel() throws IOException {
    try (LiveTarget target = Targets.ready("writer", 1, 16);
        PreDumpSession session = attach(target, KernelFeatures.probe(IoctlBinding.KERNEL))) {
      assertThat(session.ended()).isEmpty();
    }
  }

  private PreDumpSession attach(LiveTarget target, KernelFeatures features) throws IOException {
    return PreDumpSession.attach(
        target.pid(),
        directory.resolve("images"),
        SessionOptions.defaults("test"),
        features,
        TestHooks.NONE);
  }
}
