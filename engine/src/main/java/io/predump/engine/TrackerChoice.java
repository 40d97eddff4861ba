package io.predump.engine;

/** What finds the written pages of private memory. */
public enum TrackerChoice {
  /**
   * The best the kernel offers: {@link #UFFD_WP}, else {@link #SOFT_DIRTY}, else {@link #COMPARE}.
   */
  AUTO,
  /** userfaultfd in asynchronous write-protect mode, Linux 6.7; freezes nobody. */
  UFFD_WP,
  /** The kernel's soft-dirty bits; freezes the target for a moment each round. */
  SOFT_DIRTY,
  /** Reads everything each round and compares; freezes nobody. */
  COMPARE
}
