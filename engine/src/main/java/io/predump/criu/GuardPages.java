package io.predump.criu;

import io.predump.criu.CriuException.Kind;
import io.predump.linux.KernelFeatures;
import io.predump.linux.Pid;
import io.predump.linux.mem.PageCategories;
import io.predump.linux.mem.PagemapScanner;
import io.predump.linux.proc.MemoryMap;
import io.predump.linux.proc.Vma;
import java.io.IOException;

/** Guard pages (MADV_GUARD_INSTALL, Linux 6.13), which CRIU knows since 4.2. */
final class GuardPages {
  private GuardPages() {}

  /**
   * Requires a frozen process to have none.
   *
   * @throws CriuException naming the first one
   */
  static void requireNone(Pid pid, CriuProgram criu) throws IOException {
    if (!KernelFeatures.current().guardCategory().present()) {
      return;
    }
    try (PagemapScanner scanner = PagemapScanner.open(pid)) {
      for (Vma vma : MemoryMap.read(pid).vmas()) {
        if (vma.isSpecial()) {
          continue;
        }
        long guard = PageCategories.GUARD;
        scanner.scan(vma.start(), vma.end(), 0, 0, guard, 0, guard);
        if (scanner.regionCount() > 0) {
          throw new CriuException(
              Kind.LACKING,
              String.format(
                  "pid=%d has guard pages, the first at 0x%x, which criu %s would restore as plain"
                      + " memory: criu 4.2 or newer is needed; the tree runs on",
                  pid.number(), scanner.regionStart(0), criu.version()));
        }
      }
    }
  }
}
