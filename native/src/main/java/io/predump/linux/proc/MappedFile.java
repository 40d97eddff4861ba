package io.predump.linux.proc;

import com.sun.jna.Pointer;
import io.predump.linux.AddressRange;
import io.predump.linux.Errno;
import io.predump.linux.Fd;
import io.predump.linux.LibC;
import io.predump.linux.NativeBuffer;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import java.util.ArrayList;
import java.util.List;

/**
 * The file or shared memory behind a mapping, opened by {@code /proc/PID/map_files}, also when it
 * has no name any more. Reading it touches no page table of the process. Needs CAP_SYS_ADMIN or
 * CAP_CHECKPOINT_RESTORE. One thread at a time for {@link #extents()}.
 */
public final class MappedFile implements AutoCloseable {
  /**
   * A part of a file that holds data, {@code [startOffset, endOffset)}.
   *
   * @param startOffset first byte
   * @param endOffset first byte after it
   */
  public record Extent(long startOffset, long endOffset) {}

  /** Shared memory, memfds and tmpfs: {@code TMPFS_MAGIC}. */
  public static final long TMPFS_MAGIC = 0x01021994L;

  /** {@code RAMFS_MAGIC}. */
  public static final long RAMFS_MAGIC = 0x858458F6L;

  /** Huge pages of hugetlbfs and memfds of them: {@code HUGETLBFS_MAGIC}. */
  public static final long HUGETLBFS_MAGIC = 0x958458F6L;

  private final Fd file;

  private MappedFile(Fd file) {
    this.file = file;
  }

  /**
   * Opens the file behind a mapping.
   *
   * @param range exactly the mapping's addresses
   * @throws SyscallException ENOENT if there is no such process or mapping, EPERM without the
   *     capability
   */
  public static MappedFile open(Pid pid, AddressRange range) throws SyscallException {
    return new MappedFile(
        Fd.openReadOnly(
            pid.procPath(
                "map_files/"
                    + Long.toHexString(range.start())
                    + "-"
                    + Long.toHexString(range.end()))));
  }

  /** {@code struct statfs} of x86-64: {@code f_type}, {@code f_bsize}, and more. */
  private static final int STATFS_BYTES = 120;

  private static final int STATFS_TYPE = 0;
  private static final int STATFS_BSIZE = 8;

  /**
   * Returns the magic number of the file system it lives on, include/uapi/linux/magic.h, for
   * example {@link #TMPFS_MAGIC}.
   *
   * @throws SyscallException EIO
   */
  public long fileSystemMagic() throws SyscallException {
    return statfs(STATFS_TYPE) & 0xFFFF_FFFFL;
  }

  /**
   * Returns the block size of the file system it lives on, for hugetlbfs the size of a huge page;
   * bytes.
   *
   * @throws SyscallException EIO
   */
  public long blockBytes() throws SyscallException {
    return statfs(STATFS_BSIZE);
  }

  private long statfs(int field) throws SyscallException {
    try (NativeBuffer statfs = NativeBuffer.allocate(STATFS_BYTES)) {
      if (LibC.fstatfs(file.number(), statfs.address()) < 0) {
        throw new SyscallException("fstatfs(" + file.path() + ")", Errno.last());
      }
      return statfs.bytes().getLong(field);
    }
  }

  /** Returns the size in bytes, at this moment. */
  public long size() throws SyscallException {
    long size = LibC.lseek(file.number(), 0, LibC.SEEK_END);
    if (size < 0) {
      throw new SyscallException("lseek(" + file.path() + ", SEEK_END)", Errno.last());
    }
    return size;
  }

  /**
   * Returns the parts that hold data, in order; for shared memory the pages that exist, in memory
   * or in swap.
   *
   * @throws SyscallException EINVAL where the file system does not know holes
   */
  public List<Extent> extents() throws SyscallException {
    List<Extent> extents = new ArrayList<>();
    long offset = 0;
    while (true) {
      long data = LibC.lseek(file.number(), offset, LibC.SEEK_DATA);
      if (data < 0) {
        Errno errno = Errno.last();
        if (errno.equals(Errno.ENXIO)) {
          return extents;
        }
        throw new SyscallException(
            "lseek(" + file.path() + ", SEEK_DATA, offset=" + offset + ")", errno);
      }
      long hole = LibC.lseek(file.number(), data, LibC.SEEK_HOLE);
      if (hole < 0) {
        Errno errno = Errno.last();
        if (errno.equals(Errno.ENXIO)) {
          // Truncated between the two calls.
          return extents;
        }
        throw new SyscallException(
            "lseek(" + file.path() + ", SEEK_HOLE, offset=" + data + ")", errno);
      }
      extents.add(new Extent(data, hole));
      offset = hole;
    }
  }

  /**
   * Reads a part of the file.
   *
   * @param localAddress where to
   * @param bytes how much
   * @param offset from where in the file
   * @return bytes read, less at the end of the file
   * @throws SyscallException EIO
   */
  public long pread(long localAddress, long bytes, long offset) throws SyscallException {
    while (true) {
      long read = LibC.pread(file.number(), localAddress, bytes, offset);
      if (read >= 0) {
        return read;
      }
      Errno errno = Errno.last();
      if (!errno.equals(Errno.EINTR)) {
        throw new SyscallException("pread(" + file.path() + ", offset=" + offset + ")", errno);
      }
    }
  }

  /**
   * Reads whole pages. The page the file ends in is filled up with zeros, as a fresh mapping of it
   * shows it.
   *
   * @param localAddress where to
   * @param pages how many
   * @param offset from where in the file, page aligned
   * @return pages read, less at the end of the file
   * @throws SyscallException EIO
   */
  public int readPages(long localAddress, int pages, long offset) throws SyscallException {
    long want = (long) pages * LibC.PAGE_BYTES;
    long got = 0;
    while (got < want) {
      long read = pread(localAddress + got, want - got, offset + got);
      if (read == 0) {
        break;
      }
      got += read;
    }
    long whole = (got + LibC.PAGE_BYTES - 1) / LibC.PAGE_BYTES * LibC.PAGE_BYTES;
    if (whole > got) {
      new Pointer(localAddress).setMemory(got, whole - got, (byte) 0);
    }
    return (int) (whole / LibC.PAGE_BYTES);
  }

  /** Closes the file. */
  @Override
  public void close() {
    file.close();
  }
}
