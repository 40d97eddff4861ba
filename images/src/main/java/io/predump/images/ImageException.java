package io.predump.images;

import java.io.IOException;
import java.nio.file.Path;

/** Something is wrong with an image file or directory, as opposed to the disk it lies on. */
public abstract class ImageException extends IOException {
  private static final long serialVersionUID = 1L;

  private final transient Path path;
  private final long offset;
  private final String detail;

  ImageException(Path path, long offset, String detail) {
    super(label(path) + ": " + detail);
    this.path = path;
    this.offset = offset;
    this.detail = detail;
  }

  /** The file or directory that is wrong. */
  public final Path path() {
    return path;
  }

  /** Byte offset in the file at which it is wrong, −1 if the file is wrong as a whole. */
  public final long offset() {
    return offset;
  }

  /** What is wrong, without the name of the file. */
  public final String detail() {
    return detail;
  }

  /**
   * A file is named with its round ({@code 0002/mm-7.img}): the same names recur in every round.
   */
  private static String label(Path path) {
    int names = path.getNameCount();
    for (int up = 2; up <= Math.min(names, 3); up++) {
      if (ChainDirectory.isRoundName(path.getName(names - up).toString())) {
        return path.subpath(names - up, names).toString();
      }
    }
    return path.toString();
  }
}
