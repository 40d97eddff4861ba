package io.predump.images;

import java.nio.file.Path;

/** An intact image whose format version is newer than the versions this reader knows. */
public final class ImageTooNewException extends ImageException {
  private static final long serialVersionUID = 1L;

  ImageTooNewException(Path path, long offset, String detail) {
    super(path, offset, detail);
  }
}
