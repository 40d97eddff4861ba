package io.predump.linux;

/**
 * Byte offsets, numbers and flags of userfaultfd, include/uapi/linux/userfaultfd.h; {@link
 * #FEATURE_WP_ASYNC} is Linux 6.7.
 */
public final class Uffdio {
  public static final int API_API = 0;
  public static final int API_FEATURES = 8;
  public static final int API_IOCTLS = 16;
  public static final int API_BYTES = 24;

  public static final int RANGE_START = 0;
  public static final int RANGE_LEN = 8;
  public static final int RANGE_BYTES = 16;

  public static final int REGISTER_START = 0;
  public static final int REGISTER_LEN = 8;
  public static final int REGISTER_MODE = 16;
  public static final int REGISTER_IOCTLS = 24;
  public static final int REGISTER_BYTES = 32;

  public static final int WRITEPROTECT_START = 0;
  public static final int WRITEPROTECT_LEN = 8;
  public static final int WRITEPROTECT_MODE = 16;
  public static final int WRITEPROTECT_BYTES = 24;

  /** {@code UFFDIO}, the ioctl group. */
  private static final int GROUP = 0xaa;

  public static final long API = Ioctl.readWrite(GROUP, 0x3f, API_BYTES);
  public static final long REGISTER = Ioctl.readWrite(GROUP, 0, REGISTER_BYTES);
  public static final long UNREGISTER = Ioctl.read(GROUP, 1, RANGE_BYTES);

  public static final long WRITEPROTECT = Ioctl.readWrite(GROUP, 6, WRITEPROTECT_BYTES);

  /** {@code UFFD_API}. */
  public static final long API_VERSION = 0xaa;

  /** {@code UFFD_FEATURE_WP_ASYNC}; implies WP_UNPOPULATED. */
  public static final long FEATURE_WP_ASYNC = 1 << 15;

  /** {@code UFFDIO_REGISTER_MODE_WP}. */
  public static final long MODE_WP = 2;

  /** {@code UFFD_USER_MODE_ONLY}; needs no privilege, and kernel writes are still tracked. */
  public static final int USER_MODE_ONLY = 1;

  private Uffdio() {}
}
