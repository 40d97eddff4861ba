package io.predump.images;

import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * One VMA as CRIU's {@code vma_entry} has it.
 *
 * @param start first byte address
 * @param end first byte address after it
 * @param fileOffsetBytes offset of {@code start} in the file ({@code pgoff}, which CRIU keeps in
 *     bytes)
 * @param sharedId id of the shared memory or of the file
 * @param protection {@code PROT_*}
 * @param flags {@code MAP_*}
 * @param status the {@code STATUS_} bits of this class
 * @param fd CRIU's file id, −1 for anonymous memory
 * @param advice one bit per {@code MADV_*}, bit number = advice
 * @param openFlags {@code O_*} the file was opened with
 */
public record VmaImage(
    long start,
    long end,
    long fileOffsetBytes,
    long sharedId,
    int protection,
    int flags,
    int status,
    long fd,
    OptionalLong advice,
    OptionalInt openFlags) {

  /** The area is dumped. */
  public static final int STATUS_REGULAR = 1;

  /** The main stack. */
  public static final int STATUS_STACK = 1 << 1;

  /** The vsyscall page. */
  public static final int STATUS_VSYSCALL = 1 << 2;

  /** The vDSO. */
  public static final int STATUS_VDSO = 1 << 3;

  /** The brk heap. */
  public static final int STATUS_HEAP = 1 << 5;

  /** Private mapping of a file. */
  public static final int STATUS_FILE_PRIVATE = 1 << 6;

  /** Shared mapping of a file. */
  public static final int STATUS_FILE_SHARED = 1 << 7;

  /** Shared anonymous memory. */
  public static final int STATUS_ANON_SHARED = 1 << 8;

  /** Private anonymous memory. */
  public static final int STATUS_ANON_PRIVATE = 1 << 9;

  /** System V shared memory. */
  public static final int STATUS_SYSVIPC = 1 << 10;

  /** A packet socket's ring. */
  public static final int STATUS_SOCKET = 1 << 11;

  /** The vDSO's data. */
  public static final int STATUS_VVAR = 1 << 12;

  /** A ring of io_setup(2): {@code s} in maps, private to CRIU. */
  public static final int STATUS_AIORING = 1 << 13;

  /** A memfd. */
  public static final int STATUS_MEMFD = 1 << 14;

  /** A shadow stack. */
  public static final int STATUS_SHADOW_STACK = 1 << 15;

  /** Guard pages of {@code MADV_GUARD_INSTALL} within another area; written by CRIU since 4.2. */
  public static final int STATUS_GUARD = 1 << 16;

  /** {@code MAP_TYPE} of {@code mmap(2)}'s flags. */
  private static final int MAP_TYPE = 0x0f;

  private static final int MAP_PRIVATE = 0x02;

  /** True if its pages belong into the process's own pagemap. */
  public boolean holdsPrivatePages() {
    return (flags & MAP_TYPE) == MAP_PRIVATE
        || (status & (STATUS_FILE_PRIVATE | STATUS_ANON_PRIVATE | STATUS_AIORING)) != 0;
  }

  boolean isGuard() {
    return (status & STATUS_GUARD) != 0;
  }

  /** True if a restore by CRIU fills the area from the process's own pagemap. */
  boolean isFilledByCriu() {
    if ((status & STATUS_AIORING) != 0) {
      return true;
    }
    return (status & STATUS_REGULAR) != 0
        && (status & (STATUS_ANON_PRIVATE | STATUS_FILE_PRIVATE)) != 0
        && (status & (STATUS_VVAR | STATUS_VSYSCALL | STATUS_GUARD)) == 0;
  }
}
