package io.predump.engine;

import io.predump.images.VmaPolicy;
import io.predump.linux.proc.Vma;

/**
 * A mapping and what the engine does with it.
 *
 * @param vma the mapping as the newest maps shows it
 * @param policy how its pages get into the images
 * @param reason why this policy, as the manifest and {@code show --vmas} print it
 * @param fileBacked whether an untouched page shows a file's content instead of zeros
 * @param pageBytes the size of its pages: 4096 but for hugetlb memory
 */
record PolicedVma(Vma vma, VmaPolicy policy, String reason, boolean fileBacked, long pageBytes) {

  long start() {
    return vma.start();
  }

  long end() {
    return vma.end();
  }

  /** {@return whether it is made of huge pages of hugetlbfs} */
  boolean hugetlb() {
    return pageBytes != PageTable.PAGE_BYTES;
  }

  /** {@return whether its pages belong into the process's own pagemap} */
  boolean inProcessPagemap() {
    return policy != VmaPolicy.SKIP && (!vma.shared() || policy == VmaPolicy.AT_FREEZE);
  }

  /** {@return whether its pages belong to a shared object, stored once per inode} */
  boolean inSharedPagemap() {
    return policy == VmaPolicy.COMPARE && vma.shared();
  }

  /** {@return what an unlisted page of it is} */
  byte vacantState() {
    return fileBacked ? PageState.FILE : PageState.HOLE;
  }

  /** {@return which of its pages may be dropped, {@link RunList}'s kind} */
  byte runKind() {
    int kind = fileBacked ? 0 : RunList.DROP_ZERO;
    if (policy != VmaPolicy.TRACK) {
      kind |= RunList.COMPARED;
    }
    return (byte) kind;
  }

  PolicedVma with(VmaPolicy newPolicy, String newReason) {
    return new PolicedVma(vma, newPolicy, newReason, fileBacked, pageBytes);
  }
}
