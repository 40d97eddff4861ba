package io.predump.images;

import java.nio.file.Path;

/** Where CRIU's own files lie in a round that is a whole checkpoint, and what they are called. */
final class CriuFiles {
  /** The directory in the round's. */
  static final String DIRECTORY = "criu";

  /** What their names in the manifest begin with. */
  static final String PREFIX = DIRECTORY + "/";

  private CriuFiles() {}

  /** {@return whether the file is one of CRIU's own} */
  static boolean isOne(SmallFile f) {
    return f.name().startsWith(PREFIX);
  }

  /** {@return whether the file is one of CRIU's own and may be as large as memory} */
  static boolean isPages(SmallFile f) {
    return f.name().startsWith(PREFIX + "pages-");
  }

  /** {@return CRIU's own name for a file of {@link #isOne}} */
  static String nameOf(SmallFile f) {
    return f.name().substring(PREFIX.length());
  }

  /** {@return the directory in a round's} */
  static Path in(Path round) {
    return round.resolve(DIRECTORY);
  }
}
