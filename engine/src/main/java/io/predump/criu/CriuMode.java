package io.predump.criu;

/** How CRIU is kept from copying private memory. */
public enum CriuMode {
  /** The veil, unless criu cannot preload it. */
  AUTO,
  /** A preloaded library hides the pages. */
  VEIL,
  /**
   * CRIU's own {@code --lazy-pages}, with a client that takes none; the freeze grows with memory.
   */
  LAZY
}
