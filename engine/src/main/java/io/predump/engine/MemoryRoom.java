package io.predump.engine;

import io.predump.engine.TargetRefusedException.Kind;
import io.predump.linux.Errno;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.proc.MemoryGroup;
import io.predump.linux.proc.ProcStatus;
import java.io.IOException;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Refuses processes that being copied could have killed for lack of memory. What the kernel
 * allocates to have their memory read is charged to their memory cgroups: each page that lies in
 * swap comes back, and the injection takes a page of stack and a descriptor. Nothing else does:
 * pages copied on write are read without being copied ({@link ProcessPages}), and the page table
 * that a split huge page needs was charged with the page.
 */
final class MemoryRoom {
  private static final long MIB = 1 << 20;

  /**
   * For the injection, and for what the kernel counts only now and then: 64 pages per processor.
   */
  private static final long MARGIN_BYTES = MIB;

  private MemoryRoom() {}

  /**
   * Checks processes about to be copied together.
   *
   * @throws TargetRefusedException naming the group that has no room, with the numbers
   */
  static void require(Collection<Pid> pids) throws IOException {
    Map<String, MemoryGroup> groups = new LinkedHashMap<>();
    Map<String, Long> swappedBytes = new HashMap<>();
    String first = "";
    for (Pid pid : pids) {
      ProcStatus status;
      List<MemoryGroup> limits;
      try {
        status = ProcStatus.read(pid);
        limits = MemoryGroup.of(pid);
      } catch (SyscallException e) {
        if (e.is(Errno.ENOENT) || e.is(Errno.ESRCH)) {
          continue; // gone: nothing of it will be read
        }
        throw e;
      }
      first = first.isEmpty() ? "pid=" + pid.number() + " (" + status.name() + ")" : first;
      for (MemoryGroup group : limits) {
        groups.put(group.directory(), group);
        swappedBytes.merge(group.directory(), status.swappedBytes(), Long::sum);
      }
    }
    String named = pids.size() > 1 ? first + " and those below it" : first;
    for (MemoryGroup group : groups.values()) {
      check(named, swappedBytes.getOrDefault(group.directory(), 0L), group);
    }
  }

  static void check(String named, long swappedBytes, MemoryGroup group)
      throws TargetRefusedException {
    long need = swappedBytes + MARGIN_BYTES;
    if (need <= group.roomBytes()) {
      return;
    }
    throw new TargetRefusedException(
        Kind.LACKING,
        String.format(
            "%s: copying it takes up to %d MiB of its memory cgroup %s (%d MiB lie in swap and come"
                + " back when they are read), which has room for %d of its %d MiB: the kernel might"
                + " kill it; raise %s there by %d MiB first",
            named,
            mebibytes(need),
            group.directory(),
            mebibytes(swappedBytes),
            group.roomBytes() / MIB,
            group.limitBytes() / MIB,
            group.limitFile(),
            mebibytes(need - group.roomBytes())));
  }

  private static long mebibytes(long bytes) {
    return (bytes + MIB - 1) / MIB;
  }
}
