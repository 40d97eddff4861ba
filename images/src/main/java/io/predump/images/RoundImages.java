package io.predump.images;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The files of one committed round. Every file read is checked against the manifest first. */
public final class RoundImages {
  private final Path path;
  private final Manifest manifest;
  private final String manifestSha256;

  RoundImages(Path path, ManifestFile.Signed signed) {
    this.path = path;
    this.manifest = signed.manifest();
    this.manifestSha256 = signed.sha256();
  }

  /** The round's number. */
  public int number() {
    return manifest.round();
  }

  /** The round's manifest. */
  public Manifest manifest() {
    return manifest;
  }

  /** The round's directory. */
  public Path path() {
    return path;
  }

  /** Whose pages the round lists, in the order of the pages files. */
  public List<PagesName> names() {
    List<PagesName> names = new ArrayList<>();
    for (PagesFile f : manifest.pagesFiles()) {
      PagesName.ofFile(f.pagemap()).ifPresent(names::add);
    }
    return List.copyOf(names);
  }

  /**
   * Reads {@code mm-PID.img}.
   *
   * @return empty if the round has none
   * @throws ImageCorruptException if it is damaged
   */
  public Optional<MmImage> mm(int pid) throws IOException {
    String name = ImageFiles.mmName(pid);
    return lists(name)
        ? Optional.of(ImageFiles.mm(path.resolve(name), bytes(name)))
        : Optional.empty();
  }

  /**
   * Reads {@code inventory.img}.
   *
   * @return empty if the round has none
   * @throws ImageCorruptException if it is damaged
   */
  public Optional<InventoryImage> inventory() throws IOException {
    String name = ImageFiles.INVENTORY;
    return lists(name)
        ? Optional.of(ImageFiles.inventory(path.resolve(name), bytes(name)))
        : Optional.empty();
  }

  /**
   * Reads {@code stats-dump}.
   *
   * @return empty if the round has none
   * @throws ImageCorruptException if it is damaged
   */
  public Optional<DumpStatistics> statistics() throws IOException {
    String name = ImageFiles.STATS;
    return lists(name)
        ? Optional.of(ImageFiles.statistics(path.resolve(name), bytes(name)))
        : Optional.empty();
  }

  /** SHA-256 of the whole {@code round.img}, as {@code sha256sum} prints it. */
  public String manifestSha256() {
    return manifestSha256;
  }

  private boolean lists(String name) {
    return manifest.smallFiles().stream().anyMatch(f -> f.name().equals(name));
  }

  private byte[] bytes(String name) throws IOException {
    for (SmallFile f : manifest.smallFiles()) {
      if (f.name().equals(name)) {
        return bytes(f);
      }
    }
    throw new ImageCorruptException(path.resolve(name), -1, "not in the manifest");
  }

  /** Reads a small file and checks it against the manifest. */
  byte[] bytes(SmallFile f) throws IOException {
    Path file = sized(f);
    byte[] bytes = ImageFiles.readAll(file);
    expectHash(f, file, Digests.sha256Hex(bytes));
    return bytes;
  }

  /** Checks a small file against the manifest without having it in memory. */
  void check(SmallFile f) throws IOException {
    Path file = sized(f);
    expectHash(f, file, Digests.sha256Hex(file));
  }

  /** Checks what can be checked of a small file without reading it. */
  Path sized(SmallFile f) throws IOException {
    if (CriuFiles.isOne(f)) {
      requireCriuDirectory();
    }
    Path file = path.resolve(f.name());
    ImageFiles.requireRegular(file);
    long size = Files.size(file);
    if (size != f.bytes()) {
      throw new ImageCorruptException(file, -1, "bytes expected=" + f.bytes() + " actual=" + size);
    }
    return file;
  }

  static void expectHash(SmallFile f, Path file, String sha256) throws ImageCorruptException {
    if (!sha256.equals(f.sha256())) {
      throw new ImageCorruptException(
          file, -1, "sha256 expected=" + f.sha256() + " actual=" + sha256);
    }
  }

  /** A link in its place would lead out of the round. */
  private void requireCriuDirectory() throws ImageCorruptException {
    Path directory = CriuFiles.in(path);
    if (!Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
      boolean exists = Files.exists(directory, LinkOption.NOFOLLOW_LINKS);
      throw new ImageCorruptException(directory, -1, exists ? "not a directory" : "missing");
    }
  }

  /** Opens a pagemap: checked against the manifest, and its id against the pages file. */
  PagemapReader pagemap(PagesFile pages) throws IOException {
    PagemapReader reader = new PagemapReader(path.resolve(pages.pagemap()), bytes(pages.pagemap()));
    String named = PagesWriter.fileName(reader.pagesId());
    if (!named.equals(pages.name())) {
      throw reader.corrupt("pages file expected=" + pages.name() + " actual=" + named);
    }
    return reader;
  }

  /**
   * Checks that the {@code parent} link is there iff the manifest says so, and points where it
   * says.
   */
  void checkParentLink() throws IOException {
    Path link = path.resolve("parent");
    if (manifest.parent().isEmpty()) {
      if (Files.exists(link, LinkOption.NOFOLLOW_LINKS)) {
        throw new ImageCorruptException(link, -1, "a full round has no parent");
      }
      return;
    }
    String expected = RoundWriter.parentTarget(manifest.parent().get().round());
    String actual = ImageFiles.readLink(link).orElse("missing");
    if (!actual.equals(expected)) {
      throw new ImageCorruptException(
          link, -1, "target expected=" + expected + " actual=" + actual);
    }
  }

  /** Checks that this is the parent the manifest of {@code child} means. */
  void checkParentOf(RoundImages child) throws ImageCorruptException {
    Manifest.Parent named = child.manifest.parent().orElseThrow();
    if (!named.manifestSha256().equals(manifestSha256)) {
      throw new ImageCorruptException(
          path.resolve(ManifestFile.NAME),
          -1,
          "sha256 expected by round "
              + child.number()
              + "="
              + named.manifestSha256()
              + " actual="
              + manifestSha256);
    }
  }

  /**
   * Resolves one pagemap against the round before.
   *
   * @param before the round before in the chain, empty for a full round
   * @param parent what that round holds of the same name
   */
  PageRuns resolve(PagesFile pages, Optional<RoundImages> before, PageRuns parent)
      throws IOException {
    Path file = path.resolve(pages.pagemap());
    long sourcePages = pages.frames().totalSourceBytes() / PagesWriter.PAGE_BYTES;
    PageRuns usable = parent;
    if (before.isPresent() && isOtherProcess(pages, before.get())) {
      usable = PageRuns.NONE;
    }
    return PageRuns.resolve(file, pagemap(pages), number(), usable, sourcePages);
  }

  /** A reused pid: what the round before holds under the same name is another process's. */
  private boolean isOtherProcess(PagesFile pages, RoundImages before) {
    Optional<PagesName> name = PagesName.ofFile(pages.pagemap());
    if (name.isEmpty() || name.get().kind() != PagesName.Kind.PROCESS) {
      return false;
    }
    for (ProcessIdentity now : manifest.processes()) {
      for (ProcessIdentity then : before.manifest.processes()) {
        if (now.vpid() == name.get().id()
            && then.vpid() == now.vpid()
            && then.startTimeTicks() != now.startTimeTicks()) {
          return true;
        }
      }
    }
    return false;
  }
}
