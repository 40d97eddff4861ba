package io.predump.criu;

import io.predump.criu.CriuException.Kind;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/**
 * The library that hides private pages from a criu it is preloaded into, {@code
 * native/src/main/c/veil.c}.
 */
final class Veil {
  private static final String RESOURCE = "/io/predump/linux/veil.so";
  private static final String PRELOAD = "LD_PRELOAD";
  private static final String SIGN_VARIABLE = "PREDUMP_VEIL_SIGN";

  private final Path library;
  private final Path sign;

  private Veil(Path library, Path sign) {
    this.library = library;
    this.sign = sign;
  }

  /**
   * Unpacks the library.
   *
   * @param directory where to; on a file system from which programs may run
   */
  static Veil unpack(Path directory) throws IOException {
    Path library = directory.resolve("veil.so");
    try (InputStream packed = Veil.class.getResourceAsStream(RESOURCE)) {
      if (packed == null) {
        throw new CriuException(
            Kind.LACKING,
            "the veil was not built for "
                + System.getProperty("os.arch")
                + ": use --criu-mode lazy");
      }
      Files.copy(packed, library);
    }
    return new Veil(library, directory.resolve("veiled"));
  }

  /** Has a program preload it; what it preloads already stays. */
  void putInto(Map<String, String> environment) {
    environment.merge(PRELOAD, library.toString(), (before, ours) -> ours + ":" + before);
    environment.put(SIGN_VARIABLE, sign.toString());
  }

  /** {@return whether it has hidden anything: the only proof that the program took it} */
  boolean hasAnswered() {
    return Files.exists(sign);
  }
}
