package io.predump.engine;

import io.predump.linux.Errno;
import io.predump.linux.LibC;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.proc.MappedFile;
import io.predump.linux.proc.Vma;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Function;

/**
 * What a mapped file is made of.
 *
 * @param kind where its content lives
 * @param pageBytes the size of its pages: 4096 but for huge pages
 */
record Backing(Kind kind, long pageBytes) {
  /** A file on a disk. */
  static final Backing DISK = new Backing(Kind.DISK, LibC.PAGE_BYTES);

  /** A file in memory. */
  static final Backing MEMORY = new Backing(Kind.MEMORY, LibC.PAGE_BYTES);

  /** Where the content of a file lives. */
  enum Kind {
    /** A disk, or anything that keeps its content without the process. */
    DISK,
    /** Memory: tmpfs, ramfs, memfd. Gone with the machine. */
    MEMORY,
    /** Huge pages. */
    HUGETLB
  }

  /**
   * Asks the files themselves, one per device: a path says nothing, since the mount may be gone, of
   * another mount namespace, or younger than the last look at the mounts.
   */
  static Function<Vma, Backing> asking(LiveThread thread) {
    Map<String, Backing> known = new HashMap<>();
    return vma -> {
      String device = vma.deviceMajor() + ":" + vma.deviceMinor();
      Backing backing = known.get(device);
      if (backing == null) {
        try {
          backing = thread.ask(living -> of(living, vma));
        } catch (SyscallException e) {
          // Unmapped since maps was read: the next round asks again.
          if (e.is(Errno.ENOENT) || e.is(Errno.ESRCH)) {
            return DISK;
          }
          backing = DISK;
        }
        known.put(device, backing);
      }
      return backing;
    };
  }

  private static Backing of(Pid thread, Vma vma) throws SyscallException {
    try (MappedFile file = MappedFile.open(thread, vma.range())) {
      long magic = file.fileSystemMagic();
      if (magic == MappedFile.HUGETLBFS_MAGIC) {
        return new Backing(Kind.HUGETLB, file.blockBytes());
      }
      return magic == MappedFile.TMPFS_MAGIC || magic == MappedFile.RAMFS_MAGIC ? MEMORY : DISK;
    }
  }
}
