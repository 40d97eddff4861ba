package io.predump.engine;

import io.predump.linux.Pid;

/** What scans saw, in pages; a counter that one thread carries through a round. */
final class ScanCounts {
  /** Is told what each tracked mapping contributed. */
  interface PerVma {
    void written(Pid pid, PolicedVma vma, long pages);
  }

  private final PerVma perVma;

  ScanCounts() {
    this((pid, vma, pages) -> {});
  }

  ScanCounts(PerVma perVma) {
    this.perVma = perVma;
  }

  /** A mapping is scanned, before which {@code writtenBefore} pages were counted. */
  void scanned(Pid pid, PolicedVma vma, long writtenBefore) {
    if (written > writtenBefore) {
      perVma.written(pid, vma, written - writtenBefore);
    }
  }

  /** Pages found in memory or in swap, or holding data in a shared object. */
  long scanned;

  /** Pages the kernel says were written, in tracked memory. */
  long written;

  /** Pages that must be read to know whether they were written. */
  long compared;

  /** How long the target stood still for a live round. */
  long frozenNanos;

  long armNanos;
  long calls;
}
