package io.predump.engine;

import io.predump.linux.Errno;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.proc.OpenFile;
import io.predump.linux.proc.ProcStatus;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Ways in which memory changes without a page fault, found by what a process has open. Where one
 * exists, the written bit cannot be believed: the final round reads everything again under the
 * freeze, and the operator is told. Once seen, a hazard stays: a descriptor closed since may have
 * been written through.
 */
final class Hazards {
  private final Pid pid;
  private final Set<String> warnings = new LinkedHashSet<>();
  private final Set<String> notices = new LinkedHashSet<>();

  Hazards(Pid pid) {
    this.pid = pid;
  }

  /** Looks at the open files and pinned memory of the process. */
  void look() throws SyscallException {
    try {
      for (OpenFile file : OpenFile.list(pid)) {
        note(file);
      }
      long pinned = ProcStatus.read(pid).pinnedBytes();
      if (pinned > 0) {
        warnings.add(
            "the target has memory pinned for a device: the final freeze reads all of its memory");
      }
    } catch (SyscallException e) {
      if (!e.is(Errno.ENOENT) && !e.is(Errno.ESRCH)) {
        throw e;
      }
      // Gone: the round that follows finds out.
    }
  }

  /**
   * Looks whether the process has a userfaultfd of its own. Ours is open in it only while it is
   * attached to, so this is asked afterwards. It makes no page untrustworthy, but memory that is
   * tracked cannot be registered with it.
   */
  void lookForUserfaultfds() throws SyscallException {
    try {
      if (OpenFile.list(pid).stream().anyMatch(OpenFile::isUserfaultfd)) {
        notices.add(
            "pid="
                + pid.number()
                + " has a userfaultfd of its own: as long as this run tracks it, the kernel lets it"
                + " register none of its private memory there (EBUSY); if it has to, end this run");
      }
    } catch (SyscallException e) {
      if (!e.is(Errno.ENOENT) && !e.is(Errno.ESRCH)) {
        throw e;
      }
      // Gone: the round that follows finds out.
    }
  }

  private void note(OpenFile file) {
    if (file.isDeviceWriter()) {
      warnings.add(
          "the target has "
              + file.target()
              + " open: a device may write its memory even while it is frozen, so the images"
              + " may miss such writes");
    } else if (file.isIoUring()) {
      warnings.add(
          "the target uses io_uring: requests in flight may write its memory unseen, even after"
              + " the freeze; the final freeze reads all of its memory");
    } else if (file.isDirect()) {
      warnings.add(
          "the target has a file open with O_DIRECT: a read in flight writes its memory unseen;"
              + " the final freeze reads all of its memory");
    }
  }

  /** {@return whether anything was ever found that makes the written bit worthless} */
  boolean any() {
    return !warnings.isEmpty();
  }

  /** {@return what was found, in the order it was} */
  List<String> warnings() {
    List<String> all = new ArrayList<>(warnings);
    all.addAll(notices);
    return all;
  }
}
