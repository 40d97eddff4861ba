package io.predump.images;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * An images directory: the rounds of one chain.
 *
 * <pre>
 * DIR := NNNN*            committed rounds, numbered from 1 without a gap, at least four digits
 *        latest?          symlink to the newest round, a convenience: readers take the highest number
 *        NNNN.criu*       what an {@link ExportDirectory} made of a round, for stock CRIU; no part of the chain
 *        (.NNNN.partial | .NNNN.criu.partial)*   what was never committed; the only thing ever swept
 * NNNN := round.img       the manifest, see {@link Manifest}; lists all other files
 *        parent?          symlink ../NNNN to the round before, absent in a full round
 *        inventory.img stats-dump
 *        (pagemap-PID.img | pagemap-shmem-ID.img)* pages-N.img.zst* mm-PID.img*
 * </pre>
 *
 * <p>Directories are 0700 and files 0600. Rounds never change once committed, so each manifest is
 * checked once per instance. Not safe for use by several threads.
 */
public final class ChainDirectory {
  static final String LATEST = "latest";
  private static final Pattern ROUND = Pattern.compile("0{0,3}[1-9][0-9]{0,8}");
  private static final Pattern PARTIAL = Pattern.compile("\\.([0-9]{4,10})(\\.criu)?\\.partial");
  private static final String EXPANSION = ".criu";

  private final Path path;
  private final boolean writable;
  private int checkedRounds;
  private int roundToTakeBack;
  private ManifestFile.@Nullable Signed newest;

  private ChainDirectory(Path path, boolean writable) {
    this.path = path;
    this.writable = writable;
  }

  /**
   * Opens a directory for writing; makes it, mode 0700, if it is absent.
   *
   * @throws NoSuchFileException if its parent is absent; names the parent
   * @throws NotDirectoryException if it is something else
   * @throws ForeignImagesException if it holds anything that is not ours; nothing is changed then
   * @throws IOException if it cannot be made or read
   */
  public static ChainDirectory openOrCreate(Path path) throws IOException {
    if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
      Storage.requireParent(path);
      Storage.disk.createDirectory(path);
    }
    requireDirectory(path);
    for (Path entry : entries(path)) {
      String name = entry.getFileName().toString();
      boolean link = Files.isSymbolicLink(entry);
      boolean directory = Files.isDirectory(entry, LinkOption.NOFOLLOW_LINKS);
      boolean ours =
          (isRoundName(name) && directory)
              || (isPartialName(name) && (directory || link))
              || (isExpansionName(name) && directory)
              || (name.equals(LATEST) && link);
      if (!ours) {
        throw new ForeignImagesException(
            entry, "not part of a chain: choose an empty or a new images directory");
      }
    }
    return new ChainDirectory(path, true);
  }

  /**
   * Opens a directory for reading. What is not part of a chain is ignored; {@link ChainVerifier}
   * reports it.
   *
   * @throws NoSuchFileException if it is absent
   * @throws NotDirectoryException if it is something else
   */
  public static ChainDirectory open(Path path) throws IOException {
    requireDirectory(path);
    return new ChainDirectory(path, false);
  }

  private static void requireDirectory(Path path) throws IOException {
    if (!Files.exists(path)) {
      throw new NoSuchFileException(path.toString(), null, "No such directory");
    }
    if (!Files.isDirectory(path)) {
      throw new NotDirectoryException(path.toString());
    }
  }

  /** The directory. */
  public Path path() {
    return path;
  }

  /** Where a round is, or will be. */
  public Path roundPath(int round) {
    return path.resolve(roundName(round));
  }

  /** Where raw images made of a round lie if they are to lie beside it. */
  public static Path expansionPath(Path directory, int round) {
    return directory.resolve(roundName(round) + EXPANSION);
  }

  /**
   * Numbers of the committed rounds, ascending from 1.
   *
   * @throws ImageCorruptException if a number is missing, or a numbered entry is not a directory
   *     with a valid {@code round.img}
   * @throws ImageTooOldException if a round's format is no longer read
   * @throws ImageTooNewException if a round's format is not yet known
   */
  public List<Integer> roundNumbers() throws IOException {
    List<Integer> numbers = listRounds(path);
    for (int i = 0; i < numbers.size(); i++) {
      if (numbers.get(i) != i + 1) {
        throw new ImageCorruptException(roundPath(i + 1), -1, "round missing");
      }
    }
    if (numbers.size() < checkedRounds) {
      throw new ImageCorruptException(roundPath(numbers.size() + 1), -1, "round missing");
    }
    for (int round = checkedRounds + 1; round <= numbers.size(); round++) {
      newest = readManifest(path, round);
      checkedRounds = round;
    }
    return numbers;
  }

  /** Number of the next round: 1 in an empty directory. Fails as {@link #roundNumbers}. */
  public int nextRound() throws IOException {
    return roundNumbers().size() + 1;
  }

  /** Manifest of the newest round, empty in an empty directory. Fails as {@link #roundNumbers}. */
  public Optional<Manifest> newestManifest() throws IOException {
    return roundNumbers().isEmpty() ? Optional.empty() : Optional.of(newestSigned().manifest());
  }

  /**
   * Checks that the chain, if there is one, is of this process.
   *
   * @param process any process of the tree; pid and start time are compared
   * @param bootId {@code /proc/sys/kernel/random/boot_id}
   * @throws ForeignImagesException if the newest round is of another process, or from before a
   *     reboot
   */
  public void requireChainOf(ProcessIdentity process, String bootId) throws IOException {
    Optional<Manifest> manifest = newestManifest();
    if (manifest.isEmpty()) {
      return;
    }
    Manifest m = manifest.get();
    if (!m.bootId().equals(bootId)) {
      throw new ForeignImagesException(
          path, "chain of another boot: bootId expected=" + bootId + " actual=" + m.bootId());
    }
    boolean same =
        m.processes().stream()
            .anyMatch(
                p -> p.pid() == process.pid() && p.startTimeTicks() == process.startTimeTicks());
    if (!same) {
      String held =
          m.processes().isEmpty()
              ? "none"
              : "pid="
                  + m.processes().get(0).pid()
                  + " startTimeTicks="
                  + m.processes().get(0).startTimeTicks();
      throw new ForeignImagesException(
          path,
          "chain of another process: expected pid="
              + process.pid()
              + " startTimeTicks="
              + process.startTimeTicks()
              + ", actual "
              + held);
    }
  }

  /**
   * Removes rounds, and raw images of rounds, that were never committed, and nothing else.
   *
   * @return the names swept, ascending
   * @throws IllegalStateException if opened for reading
   * @throws IOException if one cannot be removed; names the file and the reason
   */
  public List<String> sweepPartials() throws IOException {
    requireWritable();
    if (roundToTakeBack != 0) {
      Storage.disk.rename(roundPath(roundToTakeBack), path.resolve(partialName(roundToTakeBack)));
      roundToTakeBack = 0;
    }
    List<String> swept = new ArrayList<>();
    for (Path entry : entries(path)) {
      String name = entry.getFileName().toString();
      if (isPartialName(name)) {
        Storage.disk.deleteTree(entry);
        swept.add(name);
      }
    }
    return swept;
  }

  void requireWritable() {
    if (!writable) {
      throw new IllegalStateException(path + ": opened for reading");
    }
  }

  /**
   * The newest round's manifest; the directory is not empty and {@link #roundNumbers} was called.
   */
  ManifestFile.Signed newestSigned() {
    if (newest == null) {
      throw new IllegalStateException(path + ": no round");
    }
    return newest;
  }

  void committed(ManifestFile.Signed signed) {
    newest = signed;
    checkedRounds = signed.manifest().round();
  }

  /**
   * Drops the newest round, found to be wrong: first its name, so that no reader takes it for good.
   *
   * @throws IllegalStateException if opened for reading, or empty
   * @throws IOException if it cannot be dropped; names the file and the reason
   */
  public void dropNewest() throws IOException {
    requireWritable();
    int round = newestSigned().manifest().round();
    Path partial = path.resolve(partialName(round));
    Storage.disk.rename(roundPath(round), partial);
    Storage.disk.syncDirectory(path);
    checkedRounds = 0;
    newest = null;
    Files.deleteIfExists(path.resolve(LATEST));
    if (round > 1) {
      Storage.disk.createLink(path.resolve(LATEST), roundName(round - 1));
    }
    Storage.disk.deleteTree(partial);
  }

  /** A round whose commit failed still has its name: the next sweep takes it back. */
  void takeBackLater(int round) {
    roundToTakeBack = round;
  }

  /** Reads a manifest and checks that it is this round's. */
  static ManifestFile.Signed readManifest(Path chain, int round) throws IOException {
    Path directory = chain.resolve(roundName(round));
    if (!Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
      boolean exists = Files.exists(directory, LinkOption.NOFOLLOW_LINKS);
      throw new ImageCorruptException(directory, -1, exists ? "not a directory" : "round missing");
    }
    ManifestFile.Signed signed = ManifestFile.read(directory);
    if (signed.manifest().round() != round) {
      throw new ImageCorruptException(
          directory.resolve(ManifestFile.NAME),
          -1,
          "round expected=" + round + " actual=" + signed.manifest().round());
    }
    return signed;
  }

  /** Numbered entries, ascending, unchecked. */
  static List<Integer> listRounds(Path path) throws IOException {
    List<Integer> numbers = new ArrayList<>();
    for (Path entry : entries(path)) {
      String name = entry.getFileName().toString();
      if (isRoundName(name)) {
        numbers.add(Integer.parseInt(name));
      }
    }
    Collections.sort(numbers);
    return numbers;
  }

  /** Entries of a directory in the order of their names. */
  static List<Path> entries(Path path) throws IOException {
    try (Stream<Path> entries = Files.list(path)) {
      return entries.sorted().toList();
    }
  }

  /** {@return the name of a round's directory} */
  public static String roundName(int round) {
    return String.format("%04d", round);
  }

  static String partialName(int round) {
    return "." + roundName(round) + ".partial";
  }

  static boolean isRoundName(String name) {
    return name.length() >= 4
        && ROUND.matcher(name).matches()
        && roundName(Integer.parseInt(name)).equals(name);
  }

  /** {@return whether a round's raw images are called so} */
  static boolean isExpansionName(String name) {
    return name.endsWith(EXPANSION)
        && isRoundName(name.substring(0, name.length() - EXPANSION.length()));
  }

  static boolean isPartialName(String name) {
    return PARTIAL.matcher(name).matches();
  }
}
