package io.predump.images;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Every change a writer makes to the disk goes through here: permissions in one place, errors with
 * path and reason, and a place for tests to fail.
 */
class Storage {
  /** The disk as it is; tests put one in its place that fails. */
  static volatile Storage disk = new Storage();

  private static final FileAttribute<Set<PosixFilePermission>> DIRECTORY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
  private static final FileAttribute<Set<PosixFilePermission>> FILE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

  /** Makes a directory of mode 0700. */
  void createDirectory(Path directory) throws IOException {
    Files.createDirectory(directory, DIRECTORY);
  }

  /** Makes a new file of mode 0600 for writing. */
  FileChannel createFile(Path file) throws IOException {
    return FileChannel.open(
        file, Set.of(StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW), FILE);
  }

  /** Makes a symlink; the target is not looked at. */
  void createLink(Path link, String target) throws IOException {
    Files.createSymbolicLink(link, Path.of(target));
  }

  /** Writes all of a buffer at the channel's position. */
  void write(FileChannel channel, Path file, ByteBuffer bytes) throws IOException {
    try {
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
    } catch (IOException e) {
      throw failed(file, "write", e);
    }
  }

  /** Writes all of a buffer at a position of its own; several threads may. */
  void writeAt(FileChannel channel, Path file, ByteBuffer bytes, long position) throws IOException {
    try {
      for (long at = position; bytes.hasRemaining(); ) {
        at += channel.write(bytes, at);
      }
    } catch (IOException e) {
      throw failed(file, "write", e);
    }
  }

  /** Makes a file durable. */
  void sync(FileChannel channel, Path file) throws IOException {
    try {
      channel.force(true);
    } catch (IOException e) {
      throw failed(file, "fsync", e);
    }
  }

  /** Makes a file durable that another program wrote, and closed to all but its owner: 0600. */
  void adopt(Path file) throws IOException {
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
      sync(channel, file);
    }
  }

  /** Has what is written so far go to the disk, while more is being written. */
  void flush(FileChannel channel, Path file) throws IOException {
    try {
      channel.force(false);
    } catch (IOException e) {
      throw failed(file, "fdatasync", e);
    }
  }

  /** Closes a file; some file systems report only here what they could not write. */
  void close(FileChannel channel, Path file) throws IOException {
    try {
      channel.close();
    } catch (IOException e) {
      throw failed(file, "close", e);
    }
  }

  /** Makes a directory's entries durable. */
  void syncDirectory(Path directory) throws IOException {
    try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
      sync(channel, directory);
    }
  }

  /** Renames, replacing what is there if it is a file or symlink. */
  void rename(Path from, Path to) throws IOException {
    Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
  }

  /** Deletes a file, a symlink, or a directory with all it holds; links are not followed. */
  void deleteTree(Path path) throws IOException {
    if (Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
      try (Stream<Path> entries = Files.list(path)) {
        for (Path p : (Iterable<Path>) entries::iterator) {
          deleteTree(p);
        }
      }
    }
    Files.deleteIfExists(path);
  }

  /** The JDK names neither file nor call in errors of an open channel. */
  static FileSystemException failed(Path path, String call, IOException e) {
    FileSystemException f =
        new FileSystemException(path.toString(), null, call + ": " + e.getMessage());
    f.initCause(e);
    return f;
  }

  /** Fails unless the directory's parent exists. */
  static void requireParent(Path directory) throws NoSuchFileException {
    Path parent = directory.toAbsolutePath().getParent();
    if (parent != null && !Files.isDirectory(parent)) {
      throw new NoSuchFileException(parent.toString(), null, "No such directory");
    }
  }
}
