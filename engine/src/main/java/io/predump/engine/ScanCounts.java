package io.predump.engine;

/** What scans saw, in pages; a counter that one thread carries through a round. */
final class ScanCounts {
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
