package io.predump.images;

import java.nio.file.Path;

/** An intact image whose format version is older than the versions this reader knows. */
public final class ImageTooOldException extends ImageException {
  private static final long serialVersionUID = 1L;

  ImageTooOldException(Path path, long offset, String detail) {
    super(path, offset, detail);
  }
}
