package io.predump.engine;

import io.predump.images.VmaPolicy;
import java.io.IOException;
import java.util.List;

/**
 * Believes nothing: every page in memory or in swap is read each round and compared with the chain
 * by hash. For private mappings that cannot be write-protected; shared memory is compared through
 * {@link SharedObject}.
 */
final class CompareTracker implements DirtyTracker {
  /** Why private memory is compared where this is the only tracker. */
  static final String REASON = "private: read each round";

  private final PageLister lister;
  private final TestHooks hooks;
  private final ScanPacer pacer;
  private final RangeSet listed = new RangeSet();

  /**
   * @param lister borrowed
   * @param limits of the processor time that live scans take
   */
  CompareTracker(PageLister lister, CopyLimits limits, TestHooks hooks) {
    this.pacer = ScanPacer.live(limits, hooks);
    this.lister = lister;
    this.hooks = hooks;
  }

  @Override
  public String name() {
    return TrackerChoice.COMPARE.label();
  }

  @Override
  public List<PolicedVma> prepare(List<PolicedVma> vmas) {
    return vmas.stream()
        .map(vma -> vma.policy() == VmaPolicy.TRACK ? vma.with(VmaPolicy.COMPARE, REASON) : vma)
        .toList();
  }

  @Override
  public void scanLive(PolicedVma vma, PageTable table, ScanCounts counts) throws IOException {
    list(vma, pacer, table, counts);
  }

  @Override
  public void scanFrozen(PolicedVma vma, PageTable table, ScanCounts counts) throws IOException {
    list(vma, ScanPacer.frozen(), table, counts);
  }

  private void list(PolicedVma vma, ScanPacer pacing, PageTable table, ScanCounts counts)
      throws IOException {
    if (!hooks.on(Protection.REARM)) {
      if (listed.contains(vma.start(), vma.end())) {
        return;
      }
      listed.add(vma.start(), vma.end());
    }
    lister.listAll(vma, pacing, table, counts);
  }

  @Override
  public void close() {
    // holds nothing
  }
}
