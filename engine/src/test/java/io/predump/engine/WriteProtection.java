package io.predump.engine;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.predump.linux.KernelFeatures;

/** For tests of what only tracking by write protection does. */
final class WriteProtection {
  private WriteProtection() {}

  /** Skips the test, by name and reason, where the kernel is tracked otherwise. */
  static void required() {
    KernelFeatures kernel = KernelFeatures.current();
    assumeTrue(
        kernel.tracksByWriteProtection(),
        "tracking by write protection: " + kernel.wpAsync().reason());
  }
}
