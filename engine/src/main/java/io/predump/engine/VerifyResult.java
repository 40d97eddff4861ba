package io.predump.engine;

import java.util.List;

/**
 * Comparison of committed files, decoded, with the memory of a stopped process.
 *
 * @param compared pages compared: the union of what the chain holds and what the raw pagemap calls
 *     resident
 * @param equal pages with equal bytes
 * @param different pages with different bytes
 * @param firstDifferences the first of them in address order, at most {@link #MOST_DIFFERENCES}
 * @param verifyFrozenMicros how long the process stayed stopped for the comparison
 */
public record VerifyResult(
    long compared,
    long equal,
    long different,
    List<Difference> firstDifferences,
    long verifyFrozenMicros) {

  /** How many differences are kept one by one. */
  public static final int MOST_DIFFERENCES = 16;

  public VerifyResult {
    firstDifferences = List.copyOf(firstDifferences);
  }

  /** How a page differs. */
  public enum Kind {
    /** Resident in the process with content the chain does not hold. */
    LOST,
    /** Held by the chain with other bytes than the process has. */
    STALE,
    /** Held by the chain where the process has nothing mapped. */
    EXTRA
  }

  /**
   * One differing page.
   *
   * @param address first byte of the page; in shared memory the offset in the object
   * @param vma the mapping it lies in as a line of /proc/PID/maps shows it, or "unmapped"
   * @param round the round whose pages file holds it, -1 if none does
   * @param kind how it differs
   */
  public record Difference(long address, String vma, int round, Kind kind) {
    @Override
    public String toString() {
      return String.format(
          "0x%x %s in %s, %s",
          address,
          kind.name().toLowerCase(java.util.Locale.ROOT),
          vma,
          round < 0 ? "held by no round" : String.format("held by round %04d", round));
    }
  }
}
