package io.predump.linux;

/** Byte offsets in {@code struct page_region}, include/uapi/linux/fs.h, Linux 6.7. */
public final class PageRegion {
  public static final int START = 0;
  public static final int END = 8;
  public static final int CATEGORIES = 16;
  public static final int BYTES = 24;

  private PageRegion() {}
}
