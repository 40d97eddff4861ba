package io.predump.criu;

import io.predump.criu.CriuException.Kind;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * A temporary directory, mode 0700, that goes with all it holds. It holds memory of other people,
 * so one whose maker was killed is not left for good: whoever makes the next one with that prefix
 * in that place removes it. A lock tells who still uses his; the kernel drops it with its holder.
 */
public final class PrivateDirectory implements AutoCloseable {
  private static final String LOCK = ".lock";

  /** Between making a directory and locking it, it looks abandoned. */
  private static final long LEAST_AGE_MILLIS = 60_000;

  /** Closing a file gives up every lock that this process has on it, so ours are not looked at. */
  private static final Set<Path> OWN = ConcurrentHashMap.newKeySet();

  private final Path path;
  private final FileChannel lock;

  private PrivateDirectory(Path path, FileChannel lock) {
    this.path = path;
    this.lock = lock;
  }

  /** Makes one among the temporary files of the system. */
  public static PrivateDirectory make(String prefix) throws IOException {
    return makeIn(Path.of(System.getProperty("java.io.tmpdir")), prefix);
  }

  /** {@return where it is} */
  public Path path() {
    return path;
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

  /** Makes one in a directory, and removes those that were abandoned there. */
  static PrivateDirectory makeIn(Path parent, String prefix) throws IOException {
    sweep(parent, prefix);
    Path path = Files.createTempDirectory(parent, prefix);
    OWN.add(path);
    FileChannel lock =
        FileChannel.open(
            path.resolve(LOCK), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    lock.lock();
    return new PrivateDirectory(path, lock);
  }

  /** What cannot be looked at, or removed, is another user's. */
  private static void sweep(Path parent, String prefix) throws IOException {
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(parent, prefix + "*")) {
      for (Path entry : entries) {
        if (!OWN.contains(entry) && isAbandoned(entry)) {
          delete(entry);
        }
      }
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
  }

  private static boolean isAbandoned(Path entry) {
    try (FileChannel lock = FileChannel.open(entry.resolve(LOCK), StandardOpenOption.WRITE)) {
      long age =
          System.currentTimeMillis()
              - Files.getLastModifiedTime(entry, LinkOption.NOFOLLOW_LINKS).toMillis();
      return age >= LEAST_AGE_MILLIS
          && Files.isDirectory(entry, LinkOption.NOFOLLOW_LINKS)
          && lock.tryLock() != null;
    } catch (IOException e) {
      return false; // one of ours, or none of anybody's that is known to be abandoned
    }
  }

  /** Removes it; can be called again. */
  @Override
  public void close() {
    try {
      delete(path);
      lock.close();
      OWN.remove(path);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void delete(Path path) throws IOException {
    if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
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
  }
}
