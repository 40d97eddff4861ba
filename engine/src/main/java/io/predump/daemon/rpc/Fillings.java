package io.predump.daemon.rpc;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * Which directories the rounds of a session were put into, so that one may be the parent of the
 * next. A directory is known by device and inode, and as the same as long as its {@code
 * inventory.img} is, and so are its ancestors' by its link {@code parent}. Not safe for use by
 * several threads.
 */
final class Fillings {
  private static final String INVENTORY = "inventory.img";
  private static final String PARENT = "parent";
  private static final String IDENTITY = "unix:dev,ino,size,lastModifiedTime";

  private final Map<Object, Filling> byDirectory = new HashMap<>();

  private record Filling(int round, Object directory, Object inventory, Optional<Object> parent) {}

  private static Object directory(Path path) throws IOException {
    Map<String, Object> identity = Files.readAttributes(path, "unix:dev,ino");
    return Map.copyOf(identity);
  }

  private static Object inventory(Path path) throws IOException {
    return Map.copyOf(
        Files.readAttributes(path.resolve(INVENTORY), IDENTITY, LinkOption.NOFOLLOW_LINKS));
  }

  /**
   * {@return the round that a directory holds, empty if it holds none of ours any more, or one of
   * its ancestors does not hold what it did: others fill directories as well, and a restore would
   * take what they put there for the pages of this one}
   */
  OptionalInt roundOf(Path path) throws IOException {
    Filling filling = byDirectory.get(directory(path));
    int round = filling == null ? 0 : filling.round();
    Path at = path;
    while (filling != null && holds(at, filling)) {
      if (filling.parent().isEmpty()) {
        return OptionalInt.of(round);
      }
      at = at.resolve(PARENT);
      filling = byDirectory.get(filling.parent().get());
    }
    return OptionalInt.empty();
  }

  private static boolean holds(Path path, Filling filling) throws IOException {
    try {
      return directory(path).equals(filling.directory())
          && inventory(path).equals(filling.inventory());
    } catch (FileSystemException e) {
      return false; // gone, a link that leads nowhere, or no directory
    }
  }

  /** A directory is about to be filled: what it held goes, and all that need it as an ancestor. */
  void forget(Path path) throws IOException {
    Set<Object> gone = new HashSet<>(Set.of(directory(path)));
    boolean more = true;
    while (more) {
      more = false;
      for (Map.Entry<Object, Filling> entry : byDirectory.entrySet()) {
        Optional<Object> parent = entry.getValue().parent();
        more |= parent.isPresent() && gone.contains(parent.get()) && gone.add(entry.getKey());
      }
    }
    byDirectory.keySet().removeAll(gone);
  }

  /** A directory has been filled. */
  void filled(Path path, int round, Optional<Path> parent) throws IOException {
    Optional<Object> parentDirectory =
        parent.isPresent() ? Optional.of(directory(parent.get())) : Optional.empty();
    Object directory = directory(path);
    byDirectory.put(directory, new Filling(round, directory, inventory(path), parentDirectory));
  }
}
