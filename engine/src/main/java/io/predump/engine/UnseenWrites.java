package io.predump.engine;

import io.predump.images.VmaPolicy;
import io.predump.linux.SyscallException;
import java.util.List;

/**
 * Makes up for what write protection does not see: fixed buffers of an io_uring are read every
 * round, and what is listed while reads with O_DIRECT may be in flight is read once more.
 * Soft-dirty bits need neither: the kernel leaves pinned pages dirty.
 */
final class UnseenWrites {
  private final Hazards hazards;
  private final PresenceLister lister;
  private final PageTable table;
  private final TestHooks hooks;
  private final DirectIoDebt debt = new DirectIoDebt(DirectIoDebt.LONGEST_READ);

  /** All are borrowed. */
  UnseenWrites(Hazards hazards, PresenceLister lister, PageTable table, TestHooks hooks) {
    this.hazards = hazards;
    this.lister = lister;
    this.table = table;
    this.hooks = hooks;
  }

  /**
   * After the scan of a live round and another look for hazards, before anything is read.
   *
   * @param scanBegan the time before the scan
   */
  void scanned(List<PolicedVma> vmas, long scanBegan, ScanCounts counts) throws SyscallException {
    oweFixedBuffers(vmas, counts);
    if (hazards.directIo()) {
      debt.scanned(table, scanBegan);
    }
  }

  /** After the scan under the freeze. */
  void frozen(List<PolicedVma> vmas, ScanCounts counts) throws SyscallException {
    oweFixedBuffers(vmas, counts);
    if (hooks.on(Protection.DIRECT_IO_DEBT)) {
      debt.allDue(table);
    }
  }

  private void oweFixedBuffers(List<PolicedVma> vmas, ScanCounts counts) throws SyscallException {
    if (!hooks.on(Protection.PINNED_READ)) {
      return;
    }
    for (long[] buffer : hazards.fixedBuffers()) {
      for (PolicedVma vma : vmas) {
        // A scan of part of a huge page of hugetlbfs may list nothing.
        long page = vma.pageBytes();
        long end = Math.min(vma.end(), (buffer[1] + page - 1) & -page);
        long at = Math.max(vma.start(), buffer[0] & -page);
        while (vma.policy() == VmaPolicy.TRACK && at < end) {
          at = lister.list(vma, at, end, 0, true, table, counts);
        }
      }
    }
  }
}
