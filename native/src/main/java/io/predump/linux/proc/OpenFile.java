package io.predump.linux.proc;

import io.predump.linux.Errno;
import io.predump.linux.LibC;
import io.predump.linux.NativeBuffer;
import io.predump.linux.Pid;
import io.predump.linux.RemoteFd;
import io.predump.linux.SyscallException;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
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
  /** What devices that write to the memory of processes look like. */
  private static final List<String> DEVICE_WRITERS =
      List.of(
          "/dev/infiniband/",
          "/dev/vfio/",
          "/dev/iommu",
          "/dev/nvidia",
          "/dev/kfd",
          "/dev/dri/",
          "/dev/accel/",
          "/dev/habanalabs/",
          "anon_inode:[vfio",
          "anon_inode:[iommufd",
          "anon_inode:[infiniband");

  /** Extended attribute with the protocol a socket was made for, include/uapi/linux/xattr.h. */
  private static final String SOCKET_PROTOCOL = "system.sockprotoname";

  /** Longer than any protocol's name: {@code char name[32]} in struct proto. */
  private static final int PROTOCOL_BYTES = 64;

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

  private boolean isSocket() {
    return target.startsWith("socket:[");
  }

  /**
   * Returns whether a device behind it may write to memory of the process that has it open: RDMA,
   * VFIO, a GPU or another accelerator, or a network card through an AF_XDP socket.
   *
   * @param pid the process
   */
  public boolean isDeviceWriter(Pid pid) {
    return DEVICE_WRITERS.stream().anyMatch(target::startsWith)
        || (isSocket() && socketProtocol(pid).equals("XDP"));
  }

  /** {@return the protocol's name as the kernel spells it, empty if it does not tell} */
  private String socketProtocol(Pid pid) {
    try (NativeBuffer value = NativeBuffer.allocate(PROTOCOL_BYTES)) {
      String path = pid.procPath("fd/" + number.number());
      long bytes = LibC.getxattr(path, SOCKET_PROTOCOL, value.address(), PROTOCOL_BYTES);
      if (bytes <= 0) {
        return "";
      }
      byte[] name = new byte[(int) bytes];
      value.bytes().get(0, name);
      return new String(name, StandardCharsets.US_ASCII).replace("\0", "");
    } catch (SyscallException e) {
      return "";
    }
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
