package io.predump.engine;

import java.io.IOException;
import java.util.List;

/**
 * Believes nothing: every page in memory or in swap is read each round and compared with the chain
 * by hash. For private mappings that cannot be write-protected; shared memory is compared through
 * {@link SharedObject}.
 */
final class CompareTracker implements DirtyTracker {
  private final PresenceLister lister;
  private final ScanPacer pacer = ScanPacer.live(TestHooks.NONE);

  CompareTracker(PresenceLister lister) {
    this.lister = lister;
  }

  @Override
  public String name() {
    return "compare";
  }

  @Override
  public List<PolicedVma> prepare(List<PolicedVma> vmas) {
    return vmas;
  }

  @Override
  public void scanLive(PolicedVma vma, PageTable table, ScanCounts counts) throws IOException {
    lister.listAll(vma, pacer, table, counts);
  }

  @Override
  public void scanFrozen(PolicedVma vma, PageTable table, ScanCounts counts) throws IOException {
    lister.listAll(vma, ScanPacer.frozen(), table, counts);
  }

  @Override
  public void close() {
    // holds nothing
  }
}
