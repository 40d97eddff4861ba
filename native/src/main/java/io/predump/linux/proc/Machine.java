package io.predump.linux.proc;

import io.predump.linux.SyscallException;

/** What {@code /proc/sys} says about the running system. */
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
}
