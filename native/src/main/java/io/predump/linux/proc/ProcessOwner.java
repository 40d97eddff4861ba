package io.predump.linux.proc;

import io.predump.linux.Errno;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;

/**
 * Whose a process is, as far as ptrace(2) cares.
 *
 * @param realUid real user id
 * @param effectiveUid effective user id
 * @param savedUid saved user id
 * @param permittedCapabilities {@code CapPrm}
 * @param dumpable whether its user may look into it: it has not changed its identity, and does not
 *     forbid it
 */
public record ProcessOwner(
    int realUid, int effectiveUid, int savedUid, long permittedCapabilities, boolean dumpable) {
  /**
   * Asks the kernel.
   *
   * @throws SyscallException ENOENT or ESRCH if there is no such process
   */
  public static ProcessOwner read(Pid pid) throws SyscallException {
    return parse(ProcFile.text(pid.procPath("status")), environmentOwner(pid));
  }

  /**
   * The files of a process that is not dumpable are root's; its directory is not among them.
   *
   * @throws SyscallException ENOENT if there is no such process
   */
  private static int environmentOwner(Pid pid) throws SyscallException {
    String path = pid.procPath("environ");
    try {
      return (int) Files.getAttribute(Path.of(path), "unix:uid", LinkOption.NOFOLLOW_LINKS);
    } catch (IOException e) {
      throw new SyscallException("stat(" + path + ")", Errno.ENOENT);
    }
  }

  /**
   * Parses {@code /proc/PID/status}.
   *
   * @param fileOwner who owns the process's files in /proc
   */
  static ProcessOwner parse(String status, int fileOwner) {
    String[] uids = field(status, "Uid").split("\\s+", -1);
    int effective = Integer.parseUnsignedInt(uids[1]);
    return new ProcessOwner(
        Integer.parseUnsignedInt(uids[0]),
        effective,
        Integer.parseUnsignedInt(uids[2]),
        Long.parseUnsignedLong(field(status, "CapPrm"), 16),
        fileOwner == effective);
  }

  /** The name, which the process chooses, is escaped by the kernel: it holds no line break. */
  private static String field(String status, String key) {
    return status
        .lines()
        .filter(line -> line.startsWith(key + ":"))
        .findFirst()
        .map(line -> line.substring(key.length() + 1).strip())
        .orElseThrow(() -> new IllegalArgumentException("no " + key + " in: " + status));
  }
}
