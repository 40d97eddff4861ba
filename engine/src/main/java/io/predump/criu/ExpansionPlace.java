package io.predump.criu;

import io.predump.criu.CriuException.Kind;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.proc.MemoryGroup;
import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Chooses where to put the expanded images: in memory if there is plenty of it, for the processes
 * need theirs again; else beside the images directory, where CRIU's own files need only links; else
 * in the directory for temporary files.
 */
final class ExpansionPlace {
  private static final Path MEMORY = Path.of("/dev/shm");

  /** Free space of a file system in memory, as a multiple of the images. */
  private static final int TMPFS_TIMES = 2;

  /** Free memory as a multiple of the images: they themselves, the processes, and as much again. */
  private static final int MEMORY_TIMES = 3;

  private static final long MEMORY_RESERVE_BYTES = 256L << 20;

  /** Pagemaps, the log, directories. */
  private static final long DISK_RESERVE_BYTES = 16L << 20;

  private ExpansionPlace() {}

  /**
   * Chooses.
   *
   * @param bytes of the images, all of them copied
   * @throws CriuException if there is no room; names the directories and what is free
   */
  static Path of(Path imagesDir, Optional<Path> workDir, long bytes) throws IOException {
    if (workDir.isPresent()) {
      Path chosen = workDir.get().toAbsolutePath().normalize();
      if (!Files.isDirectory(chosen)) {
        throw new CriuException(Kind.USAGE, "--work-dir: " + chosen + ": not a directory");
      }
      return chosen;
    }
    if (isTmpfs(MEMORY)
        && Files.isWritable(MEMORY)
        && MEMORY.toFile().getUsableSpace() / TMPFS_TIMES >= bytes
        && (availableMemory() - MEMORY_RESERVE_BYTES) / MEMORY_TIMES >= bytes) {
      return MEMORY;
    }
    List<String> tooSmall = new ArrayList<>();
    for (Path disk : disks(imagesDir)) {
      long free = disk.toFile().getUsableSpace();
      if (Files.isWritable(disk) && free - DISK_RESERVE_BYTES >= bytes) {
        return disk;
      }
      tooSmall.add(disk + " has bytes=" + (Files.isWritable(disk) ? free : 0));
    }
    throw new CriuException(
        Kind.FAILED,
        "no room for the expanded images, bytes="
            + bytes
            + ": "
            + String.join(", ", tooSmall)
            + "; name a directory by --work-dir");
  }

  private static List<Path> disks(Path imagesDir) throws IOException {
    List<Path> disks = new ArrayList<>();
    Path beside = imagesDir.toRealPath().getParent();
    if (beside != null) {
      disks.add(beside);
    }
    disks.add(Path.of(System.getProperty("java.io.tmpdir")));
    return disks;
  }

  private static boolean isTmpfs(Path directory) throws IOException {
    if (!Files.isDirectory(directory)) {
      return false;
    }
    FileStore store = Files.getFileStore(directory);
    return store.type().equals("tmpfs");
  }

  /** What the machine, and the control groups we are in, have left. */
  private static long availableMemory() throws IOException {
    long available = 0;
    for (String line : Files.readAllLines(Path.of("/proc/meminfo"))) {
      if (line.startsWith("MemAvailable:")) {
        String number = line.substring(line.indexOf(':') + 1).replace("kB", "").strip();
        available = Long.parseLong(number) * 1024;
      }
    }
    try {
      for (MemoryGroup group : MemoryGroup.of(new Pid((int) ProcessHandle.current().pid()))) {
        available = Math.min(available, group.roomBytes());
      }
    } catch (SyscallException e) {
      return 0; // not known: rather to the disk
    }
    return available;
  }
}
