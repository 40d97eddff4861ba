package io.predump.linux.proc;

import io.predump.linux.AddressRange;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import java.util.ArrayList;
import java.util.List;

/**
 * What {@code /proc/PID/fdinfo/N} tells of an io_uring: io_uring/fdinfo.c, Linux 5.1.
 *
 * @param complete whether the kernel told the fixed buffers at all: while a request holds the
 *     ring's lock it does not
 * @param fixedBuffers the memory registered as fixed buffers, widened to whole pages: pinned, and
 *     written by the kernel without a page fault
 */
public record IoUring(boolean complete, List<AddressRange> fixedBuffers) {
  private static final String BUFFERS = "UserBufs:";
  private static final long PAGE_MASK = 4095;

  /** Copies the list. */
  public IoUring {
    fixedBuffers = List.copyOf(fixedBuffers);
  }

  /**
   * Reads it.
   *
   * @throws SyscallException ENOENT if the descriptor or the process is gone
   */
  public static IoUring read(Pid pid, OpenFile file) throws SyscallException {
    return parse(ProcFile.text(pid.procPath("fdinfo/" + file.number().number())));
  }

  /**
   * {@code UserBufs:\tCOUNT}, then a line {@code INDEX: 0xADDRESS/BYTES} each, or {@code <none>}.
   */
  static IoUring parse(String fdinfo) {
    String[] lines = fdinfo.split("\n", -1);
    for (int i = 0; i < lines.length; i++) {
      if (lines[i].startsWith(BUFFERS)) {
        int count = Integer.parseInt(lines[i].substring(BUFFERS.length()).trim());
        return buffers(lines, i + 1, count);
      }
    }
    return new IoUring(false, List.of());
  }

  private static IoUring buffers(String[] lines, int first, int count) {
    List<AddressRange> buffers = new ArrayList<>();
    for (int i = first; i < first + count; i++) {
      int colon = i < lines.length ? lines[i].indexOf(": ") : -1;
      if (colon < 0) {
        return new IoUring(false, buffers);
      }
      String value = lines[i].substring(colon + 2).trim();
      int slash = value.indexOf('/');
      if (slash > 2) {
        long start = Long.parseUnsignedLong(value.substring(2, slash), 16);
        long end = start + Long.parseLong(value.substring(slash + 1));
        // A buffer of the kernel's own has no address.
        if (start != 0 && end > start) {
          buffers.add(new AddressRange(start & ~PAGE_MASK, (end + PAGE_MASK) & ~PAGE_MASK));
        }
      }
    }
    return new IoUring(true, buffers);
  }
}
