package io.predump.criu;

import io.predump.criu.CriuException.Kind;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import org.jspecify.annotations.Nullable;

/**
 * A temporary directory, mode 0700, that goes with all it holds.
 *
 * @param path where it is
 */
public record PrivateDirectory(Path path) implements AutoCloseable {
  /** Makes one among the temporary files of the system. */
  public static PrivateDirectory make(String prefix) throws IOException {
    return new PrivateDirectory(Files.createTempDirectory(prefix));
  }

  /**
   * Makes one from which programs may run.
   *
   * @throws CriuException LACKING if they may not where temporary files are
   */
  static PrivateDirectory makeForPrograms(String prefix) throws IOException {
    return forPrograms(make(prefix));
  }

  /** {@return the directory, which is removed if programs may not run from it} */
  static PrivateDirectory forPrograms(PrivateDirectory directory) throws IOException {
    Path program = directory.path().resolve("program");
    Files.createFile(
        program,
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    boolean runs = Files.isExecutable(program);
    Files.delete(program);
    if (!runs) {
      directory.close();
      throw new CriuException(
          Kind.LACKING,
          directory.path().getParent()
              + ": no program may run from there (noexec), so CRIU could not call back: name"
              + " another directory for temporary files by TMPDIR");
    }
    return directory;
  }

  /** Makes one in a directory. */
  static PrivateDirectory makeIn(Path parent, String prefix) throws IOException {
    return new PrivateDirectory(Files.createTempDirectory(parent, prefix));
  }

  /** Removes it; can be called again. */
  @Override
  public void close() {
    if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    try {
      Files.walkFileTree(
          path,
          new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
                throws IOException {
              Files.deleteIfExists(file);
              return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path dir, @Nullable IOException failure)
                throws IOException {
              if (failure != null) {
                throw failure;
              }
              Files.deleteIfExists(dir);
              return FileVisitResult.CONTINUE;
            }
          });
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
