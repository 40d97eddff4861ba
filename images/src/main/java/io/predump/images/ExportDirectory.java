package io.predump.images;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;

/**
 * A directory that is filled aside and then takes its name, so that it is there whole or not at
 * all. Directories are 0700 and files 0600.
 */
public final class ExportDirectory implements Closeable {
  private final Storage storage = Storage.disk;
  private final Path target;
  private final Path building;
  private boolean committed;

  private ExportDirectory(Path target, Path building) {
    this.target = target;
    this.building = building;
  }

  /**
   * Begins.
   *
   * @param target does not exist, or is an empty directory
   * @throws FileAlreadyExistsException if it holds something, or is no directory
   * @throws java.nio.file.NoSuchFileException if its parent is absent; names the parent
   * @throws IOException if nothing can be made beside it, or another export is under way there
   */
  public static ExportDirectory create(Path target) throws IOException {
    Path absolute = target.toAbsolutePath().normalize();
    Path name = absolute.getFileName();
    if (name == null) {
      throw new FileAlreadyExistsException(target.toString(), null, "not a new directory");
    }
    if (Files.exists(absolute, LinkOption.NOFOLLOW_LINKS)) {
      if (!Files.isDirectory(absolute, LinkOption.NOFOLLOW_LINKS)) {
        throw new FileAlreadyExistsException(target.toString(), null, "not a directory");
      }
      if (!ChainDirectory.entries(absolute).isEmpty()) {
        throw new FileAlreadyExistsException(target.toString(), null, "Directory not empty");
      }
    }
    Storage.requireParent(absolute);
    Path building = absolute.resolveSibling("." + name + ".partial");
    ExportDirectory export = new ExportDirectory(absolute, building);
    try {
      export.storage.createDirectory(building);
    } catch (FileAlreadyExistsException e) {
      FileAlreadyExistsException f =
          new FileAlreadyExistsException(
              building.toString(), null, "left by an export under way, or one that was killed");
      f.initCause(e);
      throw f;
    }
    return export;
  }

  /** {@return where to write} */
  public Path path() {
    return building;
  }

  /**
   * Makes all that was written durable and gives the directory its name.
   *
   * @throws IOException if the disk fails, or something has come to lie at the target
   */
  public void commit() throws IOException {
    sync(building);
    storage.rename(building, target);
    committed = true;
    Path parent = target.getParent();
    if (parent != null) {
      storage.syncDirectory(parent);
    }
  }

  private void sync(Path directory) throws IOException {
    for (Path entry : ChainDirectory.entries(directory)) {
      if (Files.isDirectory(entry, LinkOption.NOFOLLOW_LINKS)) {
        sync(entry);
      } else if (Files.isRegularFile(entry, LinkOption.NOFOLLOW_LINKS)) {
        storage.adopt(entry);
      }
    }
    storage.syncDirectory(directory);
  }

  /** Removes what was written, unless it was committed. */
  @Override
  public void close() throws IOException {
    if (!committed) {
      storage.deleteTree(building);
    }
  }
}
