package io.predump.linux;

/** Byte offsets in {@code struct pm_scan_arg}, include/uapi/linux/fs.h, Linux 6.7. */
public final class PmScanArg {
  public static final int SIZE = 0;
  public static final int FLAGS = 8;
  public static final int START = 16;
  public static final int END = 24;
  public static final int WALK_END = 32;
  public static final int VEC = 40;
  public static final int VEC_LEN = 48;
  public static final int MAX_PAGES = 56;
  public static final int CATEGORY_INVERTED = 64;
  public static final int CATEGORY_MASK = 72;
  public static final int CATEGORY_ANYOF_MASK = 80;
  public static final int RETURN_MASK = 88;
  public static final int BYTES = 96;

  /** {@code _IOWR('f', 16, struct pm_scan_arg)}. */
  public static final long PAGEMAP_SCAN = Ioctl.readWrite('f', 16, BYTES);

  /** {@code PM_SCAN_WP_MATCHING}. */
  public static final long WP_MATCHING = 1;

  /** {@code PM_SCAN_CHECK_WPASYNC}. */
  public static final long CHECK_WPASYNC = 2;

  private PmScanArg() {}
}
