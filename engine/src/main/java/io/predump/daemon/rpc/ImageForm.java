package io.predump.daemon.rpc;

/** What a client of RPC finds in its directory. */
public enum ImageForm {
  /** Raw images, as CRIU's own: any tool restores them. */
  RAW,
  /**
   * The chain, compressed, in a directory {@link io.predump.images.DirectoryFill#CHAIN} of its own:
   * {@code predump restore} and {@code predump export} read it.
   */
  COMPRESSED
}
