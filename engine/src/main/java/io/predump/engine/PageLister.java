package io.predump.engine;

import io.predump.linux.SyscallException;
import java.io.IOException;

/**
 * Lists what is in memory or in swap of a process, by whatever its kernel offers, and marks it in
 * the page table. Belongs to the address space the process had when it was made. One thread.
 */
interface PageLister extends AutoCloseable {
  /** A scan of the process begins: nothing learned in an earlier one holds. */
  default void beginScan() {}

  /** Lists all of a mapping, every listed page owed; for what no tracker watches. */
  void listAll(PolicedVma vma, ScanPacer pacer, PageTable table, ScanCounts counts)
      throws IOException;

  /**
   * {@return whether the address space is still the one it was made for} After an exec or an exit
   * it is not.
   */
  boolean sameAddressSpace() throws SyscallException;

  @Override
  void close();
}
