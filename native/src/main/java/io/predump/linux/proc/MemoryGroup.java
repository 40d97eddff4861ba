package io.predump.linux.proc;

import io.predump.linux.Errno;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A control group whose memory is limited.
 *
 * @param directory where it is
 * @param limitFile the name of the file with the limit: {@code memory.max}, in version 1 {@code
 *     memory.limit_in_bytes}
 * @param limitBytes the limit
 * @param usedBytes what its processes and those of the groups below it use
 * @param droppableBytes of these, pages of files, which the kernel gives up before it kills
 */
public record MemoryGroup(
    String directory, String limitFile, long limitBytes, long usedBytes, long droppableBytes) {
  /** Version 1 writes "no limit" as the largest multiple of a page; nobody has as much. */
  private static final long NO_LIMIT = 1L << 60;

  /** Returns how much more its processes can use before the kernel kills one of them, in bytes. */
  public long roomBytes() {
    return Math.max(0, limitBytes - usedBytes + droppableBytes);
  }

  /**
   * Returns the groups whose limits hold for a process: its own and those above it, as far as they
   * have one, its own first. All that our mounts show.
   *
   * @throws SyscallException ENOENT or ESRCH if there is no such process
   */
  public static List<MemoryGroup> of(Pid pid) throws SyscallException {
    Cgroups cgroups = Cgroups.of(pid);
    Optional<String> directory = cgroups.memoryV1Directory().or(cgroups::v2Directory);
    return directory.isEmpty() ? List.of() : upFrom(Path.of(directory.get()));
  }

  static List<MemoryGroup> upFrom(Path innermost) throws SyscallException {
    List<MemoryGroup> groups = new ArrayList<>();
    Path directory = innermost;
    while (directory != null && Files.exists(directory.resolve("cgroup.procs"))) {
      MemoryGroup group = read(directory);
      if (group != null && group.limitBytes < NO_LIMIT) {
        groups.add(group);
      }
      directory = directory.getParent();
    }
    return groups;
  }

  /** Null if the directory's group does not limit memory, or is gone. */
  private static @Nullable MemoryGroup read(Path directory) throws SyscallException {
    boolean first = Files.exists(directory.resolve("memory.limit_in_bytes"));
    String limitFile = first ? "memory.limit_in_bytes" : "memory.max";
    String usage = first ? "memory.usage_in_bytes" : "memory.current";
    String prefix = first ? "total_" : "";
    try {
      String limit = text(directory, limitFile);
      String stat = "\n" + text(directory, "memory.stat");
      return limit.equals("max")
          ? null
          : new MemoryGroup(
              directory.toString(),
              limitFile,
              Long.parseLong(limit),
              Long.parseLong(text(directory, usage)),
              number(stat, prefix + "inactive_file") + number(stat, prefix + "active_file"));
    } catch (SyscallException e) {
      if (e.is(Errno.ENOENT) || e.is(Errno.ENODEV)) {
        return null;
      }
      throw e;
    }
  }

  private static String text(Path directory, String name) throws SyscallException {
    return ProcFile.text(directory.resolve(name).toString()).trim();
  }

  /** {@return the number behind a key at the beginning of a line, 0 if there is none} */
  private static long number(String stat, String key) {
    int start = stat.indexOf("\n" + key + " ");
    if (start < 0) {
      return 0;
    }
    start += key.length() + 2;
    int end = stat.indexOf('\n', start);
    return Long.parseLong(stat.substring(start, end < 0 ? stat.length() : end));
  }
}
