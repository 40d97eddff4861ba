package io.predump.images;

import java.nio.file.Path;

/** An image is damaged, incomplete or contradicts its manifest. */
public final class ImageCorruptException extends ImageException {
  private static final long serialVersionUID = 1L;

  /**
   * Says what is wrong with an image.
   *
   * @param path the file or directory that is wrong
   * @param offset byte offset in it, −1 if it is wrong as a whole
   * @param detail what is wrong, without the name of the file
   */
  public ImageCorruptException(Path path, long offset, String detail) {
    super(path, offset, detail);
  }
}
