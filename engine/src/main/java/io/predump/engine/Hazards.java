package io.predump.engine;

import io.predump.linux.Errno;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.proc.OpenFile;
import io.predump.linux.proc.ProcStatus;
import java.util.LinkedHashSet;
import java.util.Set;

/**
 * Ways in which memory changes without a page fault, found by what a process has open. Where one
 * exists, the written bit cannot be believed: the final round reads everything again under the
 * freeze, and the operator is told. Once seen, a hazard stays: a descriptor closed since may have
 * been written through.
 */
final class Hazards {
  private final LiveThread thread;
  private final Set<String> warnings = new LinkedHashSet<>();

  Hazards(LiveThread thread) {
    this.thread = thread;
  }

  /** Looks at the open files and pinned memory of the process. */
  void look() throws SyscallException {
    try {
      Pid asked;
      do {
        thread.renew();
        asked = thread.id();
        for (OpenFile file : OpenFile.list(asked)) {
          note(file);
        }
        // One that ended meanwhile shows no files.
      } while (thread.renewedSince(asked));
      long pinned = ProcStatus.read(thread.id()).pinnedBytes();
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

  /** {@return whether anything was ever found} */
  boolean any() {
    return !warnings.isEmpty();
  }

  /** {@return what was found, in the order it was} */
  Set<String> warnings() {
    return warnings;
  }
}
