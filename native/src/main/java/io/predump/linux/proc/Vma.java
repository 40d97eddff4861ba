package io.predump.linux.proc;

import io.predump.linux.AddressRange;

/**
 * One mapping, a line of {@code /proc/PID/maps}.
 *
 * @param range its addresses
 * @param readable permission r
 * @param writable permission w
 * @param executable permission x
 * @param shared permission s; false is p, private
 * @param fileOffset offset into the file in bytes
 * @param deviceMajor major number of the file's device, 0 without a file
 * @param deviceMinor minor number of the file's device, 0 without a file
 * @param inode the file's inode, unsigned 64 bits, 0 without a file
 * @param name path or pseudo name as the kernel spells it (a line break is {@code \012}), empty for
 *     plain anonymous memory
 */
public record Vma(
    AddressRange range,
    boolean readable,
    boolean writable,
    boolean executable,
    boolean shared,
    long fileOffset,
    int deviceMajor,
    int deviceMinor,
    long inode,
    String name) {
  private static final String DELETED = " (deleted)";

  /** Returns the first address. */
  public long start() {
    return range.start();
  }

  /** Returns the first address after the mapping. */
  public long end() {
    return range.end();
  }

  /** Returns the size in bytes. */
  public long bytes() {
    return range.bytes();
  }

  /** Returns the permissions as the kernel writes them, for example {@code rw-p}. */
  public String permissions() {
    return (readable ? "r" : "-")
        + (writable ? "w" : "-")
        + (executable ? "x" : "-")
        + (shared ? "s" : "p");
  }

  /**
   * Returns whether it is private memory without a file: plain, heap, stack, named {@code
   * [anon:NAME]}, or a private mapping of {@code /dev/zero}.
   */
  public boolean isAnonymousPrivate() {
    return !shared && (inode == 0 ? !isSpecial() : isDevZero());
  }

  /** Returns whether it is a private mapping of a file; memfd and hugetlb memory are files here. */
  public boolean isFilePrivate() {
    return !shared && inode != 0 && !isDevZero() && !isSpecial();
  }

  /** Returns whether it is the main thread's stack. */
  public boolean isStack() {
    return inode == 0 && name.equals("[stack]");
  }

  /** Returns whether it is the brk heap. */
  public boolean isHeap() {
    return inode == 0 && name.equals("[heap]");
  }

  /** Returns whether it is the kernel's code page for user space. */
  public boolean isVdso() {
    return inode == 0 && name.equals("[vdso]");
  }

  /** Returns whether it is anonymous huge-page memory, MAP_HUGETLB. */
  public boolean isAnonymousHugetlb() {
    return inode != 0 && name.startsWith("/anon_hugepage");
  }

  /**
   * Returns whether the kernel or a device owns its content, so that it can neither be tracked nor
   * copied like memory: {@code [vdso]} and its kin, {@code anon_inode:}, {@code /[aio]}, {@code
   * /dev/*} other than zero, shared memory and huge pages.
   */
  public boolean isSpecial() {
    return name.startsWith("[v")
        || name.startsWith("[uprobes]")
        || name.startsWith("anon_inode:")
        || name.startsWith("/[aio]")
        || (name.startsWith("/dev/")
            && !isDevZero()
            && !name.startsWith("/dev/shm/")
            && !name.startsWith("/dev/hugepages/"));
  }

  /** Returns whether the file's name is gone. A file may also bear such a name; ask the inode. */
  public boolean isDeleted() {
    return inode != 0 && name.endsWith(DELETED);
  }

  private boolean isDevZero() {
    return name.equals("/dev/zero") || name.equals("/dev/zero" + DELETED);
  }

  /** Returns the line as {@code /proc/PID/maps} has it, without padding. */
  @Override
  public String toString() {
    String line =
        Long.toHexString(start())
            + "-"
            + Long.toHexString(end())
            + " "
            + permissions()
            + " "
            + String.format("%08x %02x:%02x ", fileOffset, deviceMajor, deviceMinor)
            + Long.toUnsignedString(inode);
    return name.isEmpty() ? line : line + " " + name;
  }
}
