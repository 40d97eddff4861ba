package io.predump.images;

/** Where the bytes of a page listed in a pagemap are. */
public enum PageKind {
  /** In the pages file of the same round. */
  PRESENT(4),
  /** In the parent round, or one of its parents. */
  PARENT(1);

  /** CRIU's {@code PE_*} flag. */
  final int flag;

  PageKind(int flag) {
    this.flag = flag;
  }
}
