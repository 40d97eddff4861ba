package io.predump.linux.proc;

import io.predump.linux.Errno;
import io.predump.linux.LibC;
import io.predump.linux.Pid;
import io.predump.linux.RemoteFd;
import io.predump.linux.SyscallException;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A file a process has open.
 *
 * @param number its descriptor there
 * @param target what {@code /proc/PID/fd/N} points to: a path or for example {@code
 *     anon_inode:[io_uring]}
 * @param flags open(2) flags, from {@code /proc/PID/fdinfo/N}
 */
public record OpenFile(RemoteFd number, String target, long flags) {
  /** Returns whether its reads bypass the page cache, O_DIRECT: a device writes to memory. */
  public boolean isDirect() {
    return (flags & LibC.O_DIRECT) != 0;
  }

  /** Returns whether it is an io_uring. */
  public boolean isIoUring() {
    return target.equals("anon_inode:[io_uring]");
  }

  /** Returns whether it is a userfaultfd. */
  public boolean isUserfaultfd() {
    return target.equals("anon_inode:[userfaultfd]");
  }

  /** Returns whether a device behind it may write to memory: RDMA, VFIO, a GPU. */
  public boolean isDeviceWriter() {
    return target.startsWith("/dev/infiniband/")
        || target.startsWith("/dev/vfio/")
        || target.startsWith("/dev/nvidia")
        || target.startsWith("anon_inode:[vfio")
        || target.startsWith("anon_inode:[infiniband");
  }

  /**
   * Lists what a process has open, in order of descriptors. What is closed meanwhile is left out.
   *
   * @throws SyscallException ENOENT if there is no such process, EACCES without the right to trace
   *     it
   */
  public static List<OpenFile> list(Pid pid) throws SyscallException {
    String[] names = new File(pid.procPath("fd")).list();
    if (names == null) {
      boolean exists = new File(pid.procPath("stat")).exists();
      throw new SyscallException(
          "open(" + pid.procPath("fd") + ")", exists ? Errno.EACCES : Errno.ENOENT);
    }
    List<OpenFile> files = new ArrayList<>();
    for (String name : names) {
      try {
        String target = Files.readSymbolicLink(Path.of(pid.procPath("fd/" + name))).toString();
        long flags = parseFlags(ProcFile.text(pid.procPath("fdinfo/" + name)));
        files.add(new OpenFile(new RemoteFd(Integer.parseInt(name)), target, flags));
      } catch (IOException e) {
        // Closed meanwhile.
      }
    }
    files.sort((a, b) -> Integer.compare(a.number().number(), b.number().number()));
    return files;
  }

  /**
   * Returns the features a userfaultfd was given with UFFDIO_API, with bit 31 set by the kernel
   * (Linux 5.15); 0 if it never was; -1 if the descriptor is no userfaultfd or gone.
   */
  public static long userfaultfdFeatures(Pid pid, int number) {
    try {
      return parseFeatures(ProcFile.text(pid.procPath("fdinfo/" + number)));
    } catch (SyscallException e) {
      return -1;
    }
  }

  /** {@code API:\tVERSION:FEATURES:IOCTLS}, all hex. */
  static long parseFeatures(String fdinfo) {
    for (String line : fdinfo.split("\n", -1)) {
      if (line.startsWith("API:")) {
        String[] fields = line.substring(4).trim().split(":", -1);
        return fields.length == 3 ? Long.parseUnsignedLong(fields[1], 16) : -1;
      }
    }
    return -1;
  }

  static long parseFlags(String fdinfo) {
    for (String line : fdinfo.split("\n", -1)) {
      if (line.startsWith("flags:")) {
        return Long.parseLong(line.substring(6).trim(), 8);
      }
    }
    return 0;
  }
}
