package io.predump.images;

import java.nio.file.Path;

/**
 * A directory that is not ours to write to: it holds foreign files, or the chain of another
 * process.
 */
public final class ForeignImagesException extends ImageException {
  private static final long serialVersionUID = 1L;

  /**
   * Says what is foreign.
   *
   * @param path the foreign file, or the directory of the foreign chain
   * @param detail why it is foreign, without the path
   */
  public ForeignImagesException(Path path, String detail) {
    super(path, -1, detail);
  }
}
