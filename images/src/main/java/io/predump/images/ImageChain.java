package io.predump.images;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A round with all rounds it builds on, open for reading. Opening checks the manifests, the links
 * between them and every small file; pages are checked as they are read, CRIU's own as well. Owns
 * the files that {@link #pages} opens. Not safe for use by several threads.
 */
public final class ImageChain implements Closeable {
  private final List<RoundImages> rounds;
  private final Map<PagesName, ResolvedPages> resolved = new HashMap<>();
  private final List<FrameReader> readers = new ArrayList<>();
  private final FrameCache cache = new FrameCache();

  private ImageChain(List<RoundImages> rounds) {
    this.rounds = rounds;
  }

  /**
   * Opens the newest round.
   *
   * @throws ImageException if the directory holds no round, or a file is damaged, too old or too
   *     new
   * @throws IOException if the directory is absent or cannot be read
   */
  public static ImageChain open(Path dir) throws IOException {
    List<Integer> numbers = ChainDirectory.open(dir).roundNumbers();
    if (numbers.isEmpty()) {
      throw new ImageCorruptException(dir, -1, "holds no round");
    }
    return open(dir, numbers.get(numbers.size() - 1));
  }

  /**
   * Opens one round.
   *
   * @throws ImageException if there is no such round, or a file is damaged, too old or too new
   * @throws IOException if the directory is absent or cannot be read
   */
  public static ImageChain open(Path dir, int round) throws IOException {
    Path path = ChainDirectory.open(dir).path();
    ArrayDeque<RoundImages> rounds = new ArrayDeque<>();
    Optional<RoundImages> child = Optional.empty();
    for (int number = round; ; number--) {
      RoundImages images =
          new RoundImages(
              path.resolve(ChainDirectory.roundName(number)),
              ChainDirectory.readManifest(path, number));
      images.checkParentLink();
      if (child.isPresent()) {
        images.checkParentOf(child.get());
      }
      for (SmallFile f : images.manifest().smallFiles()) {
        if (CriuFiles.isPages(f)) {
          images.sized(f);
        } else {
          images.check(f);
        }
      }
      rounds.addFirst(images);
      if (images.manifest().parent().isEmpty()) {
        return new ImageChain(List.copyOf(rounds));
      }
      child = Optional.of(images);
    }
  }

  /** The rounds, the full one first, the one opened last. */
  public List<RoundImages> rounds() {
    return rounds;
  }

  /** The round that was opened. */
  public RoundImages newest() {
    return rounds.get(rounds.size() - 1);
  }

  /** Whose pages the newest round lists. */
  public List<PagesName> names() {
    return newest().names();
  }

  /**
   * Pages of one pagemap of the newest round, resolved to their rounds; the same object on every
   * call. Closed with the chain.
   *
   * @throws IllegalArgumentException if the newest round does not list the name
   * @throws ImageCorruptException if a file is damaged, or a page that should be in a parent is not
   */
  public ResolvedPages pages(PagesName name) throws IOException {
    if (!names().contains(name)) {
      throw new IllegalArgumentException(name + ": not in round " + newest().number());
    }
    ResolvedPages pages = resolved.get(name);
    if (pages == null) {
      pages = resolve(name);
      resolved.put(name, pages);
    }
    return pages;
  }

  private ResolvedPages resolve(PagesName name) throws IOException {
    FrameReader[] files = new FrameReader[rounds.size()];
    PageRuns runs = PageRuns.NONE;
    Optional<RoundImages> before = Optional.empty();
    for (int i = 0; i < files.length; i++) {
      RoundImages round = rounds.get(i);
      Optional<PagesFile> file =
          round.manifest().pagesFiles().stream()
              .filter(f -> f.pagemap().equals(name.fileName()))
              .findFirst();
      if (file.isEmpty()) {
        runs = PageRuns.NONE;
      } else {
        runs = round.resolve(file.get(), before, runs);
        FrameReader reader = FrameReader.open(round.path(), file.get());
        readers.add(reader);
        files[i] = reader;
      }
      before = Optional.of(round);
    }
    return new ResolvedPages(runs, rounds.get(0).number(), files, cache);
  }

  /** Bytes of decompressed frames kept by the thread that owns this chain. */
  int cachedBytes() {
    return cache.heldBytes();
  }

  @Override
  public void close() throws IOException {
    IOException failure = null;
    for (ResolvedPages p : resolved.values()) {
      p.closeSiblings();
    }
    cache.close();
    for (FrameReader r : readers) {
      try {
        r.close();
      } catch (IOException e) {
        failure = e;
      }
    }
    if (failure != null) {
      throw failure;
    }
  }
}
