package io.predump.engine;

/** What scans saw, in pages; a counter that one thread carries through a round. */
final class ScanCounts {
  long scanned;
  long written;
  long armNanos;
  long calls;
}
