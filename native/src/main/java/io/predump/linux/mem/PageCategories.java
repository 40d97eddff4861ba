package io.predump.linux.mem;

/**
 * The categories of a page that PAGEMAP_SCAN knows, as bits; include/uapi/linux/fs.h, Linux 6.7,
 * {@link #GUARD} 6.15.
 */
public final class PageCategories {
  /** In a mapping registered for asynchronous write protection. */
  public static final long WPALLOWED = 1;

  /** Written since it was write-protected, or never protected. */
  public static final long WRITTEN = 1 << 1;

  /** A page of a file or of shared memory. */
  public static final long FILE = 1 << 2;

  /** In memory. */
  public static final long PRESENT = 1 << 3;

  /** In swap, or a marker that looks so. */
  public static final long SWAPPED = 1 << 4;

  /** The shared zero page. */
  public static final long PFNZERO = 1 << 5;

  /** Mapped by a huge page. */
  public static final long HUGE = 1 << 6;

  /** Soft-dirty. */
  public static final long SOFT_DIRTY = 1 << 7;

  /** A guard region. */
  public static final long GUARD = 1 << 8;

  private static final String[] NAMES = {
    "WPALLOWED", "WRITTEN", "FILE", "PRESENT", "SWAPPED", "PFNZERO", "HUGE", "SOFT_DIRTY", "GUARD"
  };

  private PageCategories() {}

  /** Returns the names joined by {@code |}, unknown bits as one hex number, {@code 0} for none. */
  public static String toString(long categories) {
    if (categories == 0) {
      return "0";
    }
    StringBuilder text = new StringBuilder();
    long unknown = categories;
    for (int bit = 0; bit < NAMES.length; bit++) {
      if ((categories >>> bit & 1) != 0) {
        text.append(text.length() == 0 ? "" : "|").append(NAMES[bit]);
        unknown &= ~(1L << bit);
      }
    }
    if (unknown != 0) {
      text.append(text.length() == 0 ? "" : "|").append("0x").append(Long.toHexString(unknown));
    }
    return text.toString();
  }
}
