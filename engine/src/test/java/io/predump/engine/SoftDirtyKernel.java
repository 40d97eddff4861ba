package io.predump.engine;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.predump.linux.KernelFeatures;

/** What tests of soft-dirty tracking need of the machine. */
final class SoftDirtyKernel {
  private SoftDirtyKernel() {}

  /** Skips the test, with the reason, where the kernel has no soft-dirty bits. */
  static void required() {
    KernelFeatures features = KernelFeatures.current();
    assumeTrue(
        features.tracksBySoftDirty(),
        () -> "needs soft-dirty bits: " + features.softDirty() + ", " + features.rawPagemap());
  }

  /** {@return options that track by soft-dirty bits on every kernel that has them} */
  static SessionOptions options() {
    return SessionOptions.defaults("test").withTracker(TrackerChoice.SOFT_DIRTY);
  }
}
