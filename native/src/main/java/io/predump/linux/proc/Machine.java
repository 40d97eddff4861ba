package io.predump.linux.proc;

import io.predump.linux.SyscallException;

/** What {@code /proc} says about the running system. */
public final class Machine {
  private Machine() {}

  /** Returns the random id of this boot, a UUID; pids and start times mean something within it. */
  public static String bootId() throws SyscallException {
    return ProcFile.text("/proc/sys/kernel/random/boot_id").trim();
  }

  /** Returns the kernel's release, for example {@code 6.12.5-amd64}. */
  public static String kernelRelease() throws SyscallException {
    return ProcFile.text("/proc/sys/kernel/osrelease").trim();
  }

  /** Returns how many mappings a process may have, {@code vm.max_map_count}. */
  public static int maxMapCount() throws SyscallException {
    return Integer.parseInt(ProcFile.text("/proc/sys/vm/max_map_count").trim());
  }

  /** Returns how many processors the machine has online, whichever of them we may use. */
  public static int onlineProcessors() throws SyscallException {
    return countOf(ProcFile.text("/sys/devices/system/cpu/online").trim());
  }

  /** Counts the members of a list like {@code 0-3,6}; cpuset(7). */
  static int countOf(String list) {
    int count = 0;
    for (String range : list.split(",", -1)) {
      int dash = range.indexOf('-');
      int first = Integer.parseInt(dash < 0 ? range : range.substring(0, dash));
      int last = Integer.parseInt(range.substring(dash + 1));
      count += last - first + 1;
    }
    return count;
  }

  /** Returns how many threads run or wait for a processor now, the caller's too. */
  public static int runnableThreads() throws SyscallException {
    return runnableThreads(ProcFile.text("/proc/loadavg"));
  }

  /** Takes it from the fourth field, {@code 2/215}; proc(5). */
  static int runnableThreads(String loadavg) {
    String counts = loadavg.split(" ", -1)[3];
    return Integer.parseInt(counts.substring(0, counts.indexOf('/')));
  }
}
