package io.predump.criu;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * The CRIU of the tests: Debian's, unpacked into {@code engine/target/criu} by {@code
 * engine/src/test/criu/fetch}. That it is missing is a failure, not a reason to skip a test.
 */
public final class StockCriu {
  private static final Path DIRECTORY = Path.of("target/criu").toAbsolutePath();

  private StockCriu() {}

  /** {@return the newest: 4.2 or later} */
  public static CriuProgram program() {
    return version("criu");
  }

  /** {@return one that does not know guard pages: 4.1} */
  public static CriuProgram older() {
    return version("criu-4.1");
  }

  /** {@return the program that shows images: {@code crit show FILE}} */
  public static Path crit() {
    return existing("crit");
  }

  private static CriuProgram version(String name) {
    try {
      return CriuProgram.find(Optional.of(existing(name)), Map.of());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Path existing(String name) {
    Path program = DIRECTORY.resolve(name);
    if (!Files.isExecutable(program)) {
      throw new AssertionError(
          program + " is missing: engine/src/test/criu/fetch fetches it, as ./build test does");
    }
    return program;
  }
}
