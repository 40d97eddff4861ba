package io.predump.images;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Images that come into a directory which somebody else has made, and may hold files of theirs:
 * filled aside in {@code .predump.partial} below it, made durable, then moved up one by one, each
 * in place of what has its name, {@code inventory.img} last. Without the inventory no restore
 * begins, so the images are there whole or not at all. Images of before that have no successor go,
 * for a restore collects whatever has the name of an image; logs and other files stay. Files are
 * 0600.
 *
 * <p>Beside them, or in their place, may lie a whole chain, {@value #CHAIN}, which {@link
 * ChainCopy} makes; one of before goes too.
 *
 * <p>The directory may be named by a descriptor, {@code /proc/self/fd/N}. No two fills of one
 * directory may run at a time.
 */
public final class DirectoryFill implements Closeable {
  /** The name of a chain in the directory. */
  public static final String CHAIN = "predump-chain";

  private static final String PARTIAL = ".predump.partial";
  private static final String PARENT = "parent";
  private static final String INVENTORY = "inventory.img";

  private final Storage storage = Storage.disk;
  private final Path target;
  private final Path building;

  private DirectoryFill(Path target) {
    this.target = target;
    this.building = target.resolve(PARTIAL);
  }

  /**
   * Begins; removes what a fill that was killed has left.
   *
   * @throws ForeignImagesException if what has a chain's name is none
   * @throws IOException if nothing can be made there
   */
  public static DirectoryFill begin(Path target) throws IOException {
    DirectoryFill fill = new DirectoryFill(target);
    fill.hasChain(); // refused before the work rather than after it
    fill.storage.deleteTree(fill.building);
    fill.storage.createDirectory(fill.building);
    return fill;
  }

  /** {@return where to write} */
  public Path path() {
    return building;
  }

  /**
   * Makes all that was written durable and moves it up.
   *
   * @param parent where the link {@code parent} points to, relative to the directory; empty: images
   *     without a parent, and a link that is there goes
   * @throws ForeignImagesException if what has a chain's name is none
   * @throws IOException if the disk fails; without an inventory, or with the one from before
   */
  public void commit(Optional<String> parent) throws IOException {
    List<Path> entries = new ArrayList<>(ChainDirectory.entries(building));
    for (Path entry : entries) {
      if (!entry.endsWith(CHAIN)) { // durable since it was made
        storage.adopt(entry);
      }
    }
    storage.syncDirectory(building);
    boolean replaces = hasChain();
    Files.deleteIfExists(target.resolve(INVENTORY));
    removeImagesWithoutSuccessor(entries);
    if (replaces) {
      storage.deleteTree(target.resolve(CHAIN));
    }
    Path link = target.resolve(PARENT);
    if (Files.isSymbolicLink(link)) {
      Files.delete(link);
    }
    if (parent.isPresent()) {
      storage.createLink(link, parent.get());
    }
    entries.sort(Comparator.comparing(entry -> entry.endsWith(INVENTORY)));
    for (Path entry : entries) {
      storage.rename(entry, target.resolve(entry.getFileName()));
    }
    Files.delete(building);
    storage.syncDirectory(target);
  }

  /**
   * {@return whether the directory holds a chain of before}
   *
   * @throws ForeignImagesException if it is somebody else's, which is not ours to remove
   */
  private boolean hasChain() throws IOException {
    Path chain = target.resolve(CHAIN);
    if (!Files.exists(chain, LinkOption.NOFOLLOW_LINKS)) {
      return false;
    }
    ChainDirectory.openOrCreate(chain);
    return true;
  }

  private void removeImagesWithoutSuccessor(List<Path> successors) throws IOException {
    Set<Path> names = new HashSet<>();
    successors.forEach(successor -> names.add(successor.getFileName()));
    for (Path entry : ChainDirectory.entries(target)) {
      String name = entry.getFileName().toString();
      boolean image = name.endsWith(".img") || name.startsWith("stats-");
      if (image
          && !names.contains(entry.getFileName())
          && !Files.isDirectory(entry, LinkOption.NOFOLLOW_LINKS)) {
        Files.delete(entry);
      }
    }
  }

  /** Removes what was not moved up. */
  @Override
  public void close() throws IOException {
    if (Files.exists(building, LinkOption.NOFOLLOW_LINKS)) {
      storage.deleteTree(building);
    }
  }
}
