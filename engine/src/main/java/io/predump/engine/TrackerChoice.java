package io.predump.engine;

/** What finds the written pages of private memory. */
public enum TrackerChoice {
  /**
   * The best the kernel offers: {@link #UFFD_WP}, else {@link #SOFT_DIRTY}, else {@link #COMPARE}.
   */
  AUTO("auto"),
  /** userfaultfd in asynchronous write-protect mode, Linux 6.7; freezes nobody. */
  UFFD_WP("uffd-wp"),
  /** The kernel's soft-dirty bits; freezes the target for a moment each round. */
  SOFT_DIRTY("soft-dirty"),
  /** Reads everything each round and compares; freezes nobody. */
  COMPARE("compare");

  private final String label;

  TrackerChoice(String label) {
    this.label = label;
  }

  /** {@return its name as {@code --tracker}, the manifest and messages write it} */
  public String label() {
    return label;
  }
}
