package io.predump.engine;

import io.predump.linux.Errno;
import io.predump.linux.IoctlBinding;
import io.predump.linux.KernelFeatures;
import io.predump.linux.PmScanArg;

/** This kernel, played as one without PAGEMAP_SCAN: all listing is by the raw pagemap then. */
final class OldKernel {
  private OldKernel() {}

  static KernelFeatures features() {
    return KernelFeatures.probe(
        (fd, request, argument) ->
            request == PmScanArg.PAGEMAP_SCAN
                ? -Errno.ENOTTY.number()
                : IoctlBinding.KERNEL.ioctl(fd, request, argument));
  }
}
