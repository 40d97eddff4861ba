package io.predump.engine;

import java.io.IOException;
import java.util.List;
import java.util.Set;

/** Finds out which pages of which mappings must be read, and marks them owed in the page table. */
interface DirtyTracker extends AutoCloseable {
  /** {@return the tracker's name as {@code --tracker} and the manifest write it} */
  String name();

  /**
   * Makes mappings ready to be tracked.
   *
   * @param vmas every mapping of the process in address order
   * @return the same mappings; those this tracker cannot take have another policy and the reason
   */
  List<PolicedVma> prepare(List<PolicedVma> vmas) throws IOException;

  /**
   * {@return whether the target must stand still from a round's first scan until {@link #rearm}}
   * Then the round calls {@link #scanFrozen}, else {@link #scanLive}.
   */
  default boolean needsStandstill() {
    return false;
  }

  /**
   * Lists what was written to a mapping since its last scan, while the target runs. What this does
   * not arm again, in one atomic step per page with the listing, {@link #rearm} arms.
   */
  void scanLive(PolicedVma vma, PageTable table, ScanCounts counts) throws IOException;

  /** Lists what was written to a mapping since its last scan; the target is frozen. */
  void scanFrozen(PolicedVma vma, PageTable table, ScanCounts counts) throws IOException;

  /** All mappings of a round are scanned: arms what the scans could not arm by themselves. */
  default void rearm() throws IOException {}

  /** {@return what could not be tracked as it should, and why} */
  default Set<String> warnings() {
    return Set.of();
  }

  @Override
  void close();
}
