package io.predump.engine;

import io.predump.linux.SyscallException;
import io.predump.linux.mem.RawPagemap;
import io.predump.linux.mem.SoftDirtyBits;
import java.io.IOException;
import java.util.List;

/**
 * Tracks private memory by the kernel's soft-dirty bits, for kernels without asynchronous
 * write-protection. Bits are read by one call and cleared by another, and whatever is written
 * between them would be lost, so the target stands still from the first read to the end of the
 * clearing; the pages listed are copied after that, while it runs.
 *
 * <p>The first time nobody needs to stand still: the bits are cleared, then everything is listed
 * and copied, and whatever is written after the clearing is found by the next round.
 *
 * <p>What can go wrong, and what is done about it:
 *
 * <ul>
 *   <li>A page changes without its bit: mremap moves whole page tables, KSM puts a merged page in
 *       place, a dropped page that is read shows the zero page. A page that lies elsewhere than
 *       when it was last listed ({@link PagePlaces}) is therefore read again, bit or no bit.
 *       Migration and swap also move pages; then they are read, and found to be the same.
 *   <li>New and merged mappings show every page soft-dirty, holes too: presence comes first.
 *   <li>The round fails after the clearing: what was listed is owed, whatever its bit says then.
 *   <li>Somebody else clears the bits (another tool that tracks the same process): what was written
 *       before that is lost to us. Nothing tells us, so the operator is told beforehand.
 *   <li>Somebody who is not frozen writes between reading and clearing (a debugger,
 *       process_vm_writev): lost likewise.
 * </ul>
 */
final class SoftDirtyTracker implements DirtyTracker {
  private final RawLister lister;
  private final LiveThread thread;
  private final PageTable table;
  private final TestHooks hooks;
  private final ScanPacer pacer;
  private final PagePlaces places = new PagePlaces();
  private boolean armed;

  /**
   * @param lister borrowed
   * @param thread whose soft-dirty bits are cleared
   * @param table the process's, borrowed
   * @param limits of the processor time that live scans take
   */
  SoftDirtyTracker(
      RawLister lister, LiveThread thread, PageTable table, CopyLimits limits, TestHooks hooks) {
    this.pacer = ScanPacer.live(limits, hooks);
    this.lister = lister;
    this.thread = thread;
    this.table = table;
    this.hooks = hooks;
  }

  @Override
  public String name() {
    return TrackerChoice.SOFT_DIRTY.label();
  }

  @Override
  public boolean needsStandstill() {
    return armed;
  }

  @Override
  public List<PolicedVma> prepare(List<PolicedVma> vmas) throws SyscallException {
    if (!armed) {
      clear();
    }
    return vmas;
  }

  @Override
  public void scanLive(PolicedVma vma, PageTable table, ScanCounts counts) throws IOException {
    list(vma, pacer, counts);
  }

  @Override
  public void scanFrozen(PolicedVma vma, PageTable table, ScanCounts counts) throws IOException {
    if (armed && !hooks.on(Protection.REARM)) {
      return;
    }
    list(vma, ScanPacer.frozen(), counts);
  }

  private void list(PolicedVma vma, ScanPacer pacing, ScanCounts counts) throws IOException {
    lister.list(vma, pacing, (address, entry) -> owed(address, entry, counts), table, counts);
  }

  private boolean owed(long address, long entry, ScanCounts counts) {
    boolean moved = places.moved(address, entry) && hooks.on(Protection.PAGE_PLACES);
    boolean written = RawPagemap.softDirty(entry) || !armed;
    if (written) {
      counts.written++;
    }
    return written || moved;
  }

  @Override
  public void rearm() throws SyscallException {
    if (armed) {
      clear();
    }
    armed = true;
    places.keepOnly(table);
  }

  /** Opened anew each time: with the thread it was opened by, the file loses the memory. */
  private void clear() throws SyscallException {
    try (SoftDirtyBits bits = thread.ask(SoftDirtyBits::open, SoftDirtyBits::close)) {
      bits.clear();
    }
  }

  @Override
  public void close() {
    // holds nothing
  }
}
