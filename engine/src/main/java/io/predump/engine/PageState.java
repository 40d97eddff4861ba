package io.predump.engine;

/**
 * The byte a {@link PageTable} keeps per page: one of five contents in the low bits and two flags.
 *
 * <p>A page nobody ever reported is {@link #HOLE}: every page starts as what a fresh mapping shows.
 */
final class PageState {
  /** As a fresh anonymous mapping shows it: nothing there. */
  static final byte HOLE = 0;

  /** The kernel's shared zero page: read, never written. */
  static final byte ZERO = 1;

  /** Present with bytes of its own that were all zero when last read; anonymous memory only. */
  static final byte ZERO_BYTES = 2;

  /** As a fresh private file mapping shows it: the file's own content. */
  static final byte FILE = 3;

  /** The chain holds the page, and the table its hash. */
  static final byte DATA = 4;

  /** Mask of the content. */
  static final byte CONTENT = 7;

  /** Listed but not safely stored yet: counts as written until it is. */
  static final byte OWED = 8;

  /** Stored by the round under way: becomes PRESENT in its pagemap. */
  static final byte STORED = 16;

  private PageState() {}

  static byte content(byte state) {
    return (byte) (state & CONTENT);
  }

  static boolean owed(byte state) {
    return (state & OWED) != 0;
  }

  /** {@return whether the chain has no content for the page, nor is to get one} */
  static boolean lacking(byte state) {
    return (state & OWED) == 0 && (content(state) == HOLE || content(state) == FILE);
  }

  static boolean stored(byte state) {
    return (state & STORED) != 0;
  }
}
