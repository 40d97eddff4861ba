package io.predump.images;

import java.util.List;

/**
 * A process with memory as CRIU's images have it.
 *
 * @param vpid its pid in its own pid namespace, the one in file names
 * @param parentVpid its parent's, 0 for the root of the tree
 * @param pagesId N of the {@code pages-N.img} that CRIU's pagemap of the process names
 * @param privateMappings what a restore fills from the process's own pagemap, ascending; without
 *     guard pages
 */
public record CriuTask(
    int vpid, int parentVpid, int pagesId, List<PrivateMapping> privateMappings) {

  /**
   * A range of private memory.
   *
   * @param start first byte address, page aligned
   * @param end first byte address after it
   * @param anonymous whether a page nobody holds comes back as zeros; in the other ranges it comes
   *     back as the file's, or must be held
   */
  public record PrivateMapping(long start, long end, boolean anonymous) {}

  /** Copies the list. */
  public CriuTask {
    privateMappings = List.copyOf(privateMappings);
  }
}
