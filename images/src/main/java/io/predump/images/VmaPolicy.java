package io.predump.images;

/** How the pages of a VMA were captured. */
public enum VmaPolicy {
  /** The kernel told which pages were written. */
  TRACK,
  /** Every resident page was read and compared with the chain. */
  COMPARE,
  /** Copied only in the final freeze. */
  AT_FREEZE,
  /** Not captured; the reason says why that is right, or what is lost. */
  SKIP
}
