package io.predump.engine;

import io.predump.images.VmaPolicy;
import java.util.List;

/**
 * Makes up for what neither write protection nor soft-dirty bits see: fixed buffers of an io_uring
 * are read every round, and what is listed while reads with O_DIRECT may be in flight is read once
 * more. Soft-dirty bits need it too: kernels leave pinned pages dirty, but not pinned huge pages,
 * and before Linux 6.5 a read with O_DIRECT pins nothing.
 *
 * <p>Pages written this way have content of their own, so the table knows them.
 */
final class UnseenWrites {
  private final Hazards hazards;
  private final PageTable table;
  private final TestHooks hooks;
  private final DirectIoDebt debt = new DirectIoDebt(DirectIoDebt.LONGEST_READ);

  /** All are borrowed. */
  UnseenWrites(Hazards hazards, PageTable table, TestHooks hooks) {
    this.hazards = hazards;
    this.table = table;
    this.hooks = hooks;
  }

  /**
   * After the scan of a live round and another look for hazards, before anything is read.
   *
   * @param scanBegan the time before the scan
   */
  void scanned(List<PolicedVma> vmas, long scanBegan) {
    oweFixedBuffers(vmas);
    if (hazards.directIo()) {
      debt.scanned(table, scanBegan);
    }
  }

  /** After the scan under the freeze. */
  void frozen(List<PolicedVma> vmas) {
    oweFixedBuffers(vmas);
    if (hooks.on(Protection.DIRECT_IO_DEBT)) {
      debt.allDue(table);
    }
  }

  private void oweFixedBuffers(List<PolicedVma> vmas) {
    if (!hooks.on(Protection.PINNED_READ)) {
      return;
    }
    for (long[] buffer : hazards.fixedBuffers()) {
      for (PolicedVma vma : vmas) {
        long start = Math.max(vma.start(), buffer[0]);
        long end = Math.min(vma.end(), buffer[1]);
        if (vma.policy() == VmaPolicy.TRACK && start < end) {
          table.oweHeld(start, end);
        }
      }
    }
  }
}
