package io.predump.images;

import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * The address space of one process as CRIU's {@code mm_entry} has it; all addresses in bytes.
 *
 * @param startCode start of the text
 * @param endCode end of the text
 * @param startData start of the data
 * @param endData end of the data
 * @param startStack address of the stack's bottom
 * @param startBrk start of the heap
 * @param brk end of the heap, {@code startBrk} if there is none
 * @param argStart start of the command line
 * @param argEnd end of the command line
 * @param envStart start of the environment
 * @param envEnd end of the environment
 * @param exeFileId CRIU's id of the executable, 0 when there is no files image
 * @param savedAuxv the auxiliary vector as words
 * @param vmas the VMAs, ascending and disjoint
 * @param dumpable {@code PR_GET_DUMPABLE}
 * @param aioRings rings of io_setup(2)
 * @param thpDisabled {@code PR_GET_THP_DISABLE}
 */
public record MmImage(
    long startCode,
    long endCode,
    long startData,
    long endData,
    long startStack,
    long startBrk,
    long brk,
    long argStart,
    long argEnd,
    long envStart,
    long envEnd,
    int exeFileId,
    List<Long> savedAuxv,
    List<VmaImage> vmas,
    OptionalInt dumpable,
    List<AioRing> aioRings,
    Optional<Boolean> thpDisabled) {

  /**
   * One ring of io_setup(2).
   *
   * @param id its address
   * @param requestCount its size in requests
   * @param ringBytes its size in bytes
   */
  public record AioRing(long id, int requestCount, int ringBytes) {}

  /** Copies the lists. */
  public MmImage {
    savedAuxv = List.copyOf(savedAuxv);
    vmas = List.copyOf(vmas);
    aioRings = List.copyOf(aioRings);
  }
}
