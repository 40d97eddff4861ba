package io.predump.images;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Makes of a round the images a stock CRIU reads: raw pages, no compression. A round that is a
 * whole checkpoint gives images that {@code criu restore} takes as they are: CRIU's own files, but
 * every process's pagemap and pages put together from the chain, restricted to the mappings of
 * CRIU's {@code mm-VPID.img} that a restore fills. Any other round gives pagemaps, pages, mm,
 * inventory and stats.
 *
 * <p>Uses its {@link ImageChain}, which must stay open; one thread at a time, which has others work
 * for it.
 */
public final class RawImages {
  private static final int COPY_BYTES = 1 << 20;

  private final ImageChain chain;
  private final RoundImages newest;
  private final List<Item> items = new ArrayList<>();
  private final List<SmallFile> others = new ArrayList<>();

  /** How files that are taken over as they are get to their new place. */
  public enum TakeOver {
    /** By a hard link if that can be, else by a copy: for who will only read them. */
    LINK,
    /** By a copy: whoever changes it does not change the chain. */
    COPY
  }

  /** One pagemap to be written, with its pages. */
  private record Item(
      PagesName name,
      int id,
      PageLayout layout,
      ResolvedPages pages,
      Optional<Path> criuPages,
      long leftOutPages) {}

  private @Nullable CriuImages criu;

  private RawImages(ImageChain chain) {
    this.chain = chain;
    this.newest = chain.newest();
  }

  /**
   * Finds out what the images will hold; reads pagemaps, no pages.
   *
   * @throws ImageCorruptException if CRIU's images and the chain do not fit
   */
  public static RawImages of(ImageChain chain) throws IOException {
    RawImages raw = new RawImages(chain);
    Optional<CriuOrigin> criu = raw.newest.manifest().criu();
    if (criu.isPresent()) {
      raw.planCheckpoint(criu.get().mode());
    } else {
      raw.planRound();
    }
    return raw;
  }

  private void planRound() throws IOException {
    Set<String> made = new HashSet<>();
    for (PagesFile f : newest.manifest().pagesFiles()) {
      PagesName name = PagesName.ofFile(f.pagemap()).orElseThrow();
      ResolvedPages pages = chain.pages(name);
      items.add(
          new Item(
              name,
              PagesWriter.fileNumber(f.name()),
              PageLayout.of(pages.runs()),
              pages,
              Optional.empty(),
              0));
      made.add(f.pagemap());
    }
    for (SmallFile f : newest.manifest().smallFiles()) {
      if (!made.contains(f.name())) {
        others.add(f);
      }
    }
  }

  private void planCheckpoint(CriuOrigin.Mode mode) throws IOException {
    Path directory = CriuFiles.in(newest.path());
    Set<String> made = new HashSet<>();
    CriuImages images = CriuImages.open(directory);
    criu = images;
    for (CriuTask task : images.tasks()) {
      PagesName name = PagesName.ofProcess(task.vpid());
      if (!chain.names().contains(name)) {
        throw new ImageCorruptException(
            newest.path().resolve(name.fileName()), -1, "missing, but criu has the process");
      }
      ResolvedPages pages = chain.pages(name);
      CriuPages merged = CriuPages.of(directory, task, mode, pages.runs());
      String pagesFile = RawPages.fileName(task.pagesId());
      items.add(
          new Item(
              name,
              task.pagesId(),
              merged.layout(),
              pages,
              criuPages(pagesFile, merged.criuListedPages()),
              merged.leftOutPages()));
      made.add(CriuFiles.PREFIX + name.fileName());
      made.add(CriuFiles.PREFIX + pagesFile);
    }
    for (SmallFile f : newest.manifest().smallFiles()) {
      if (CriuFiles.isOne(f) && !made.contains(f.name())) {
        others.add(f);
      }
    }
  }

  /** CRIU's pages file of a process, if it has pages of it; as large as its pagemap says. */
  private Optional<Path> criuPages(String name, long pages) throws IOException {
    Optional<SmallFile> file =
        newest.manifest().smallFiles().stream()
            .filter(f -> f.name().equals(CriuFiles.PREFIX + name))
            .findFirst();
    long bytes = file.map(SmallFile::bytes).orElse(0L);
    if (bytes != pages * PagesWriter.PAGE_BYTES) {
      throw new ImageCorruptException(
          CriuFiles.in(newest.path()).resolve(name),
          -1,
          "bytes=" + bytes + ", but its pagemap lists pages=" + pages);
    }
    if (pages == 0) {
      return Optional.empty();
    }
    newest.check(file.orElseThrow());
    return Optional.of(newest.path().resolve(file.orElseThrow().name()));
  }

  /** {@return CRIU's images if the round is a whole checkpoint} */
  public Optional<CriuImages> criu() {
    return Optional.ofNullable(criu);
  }

  /** Bytes of the pages files that {@link #writeTo} makes, holes counted. */
  public long pagesBytes() {
    return items.stream().mapToLong(i -> i.layout().pageCount() * PagesWriter.PAGE_BYTES).sum();
  }

  /** Bytes of the files it takes over. */
  public long otherBytes() {
    return others.stream().mapToLong(SmallFile::bytes).sum();
  }

  /**
   * Writes all into one directory: every page is there, and there is no parent.
   *
   * @param directory empty, mode 0700
   * @param threads that decompress
   * @throws ImageException if the chain is damaged
   * @throws IOException if the disk is full or fails; what is written so far stays
   */
  public RawSummary writeTo(Path directory, int threads, TakeOver takeOver) throws IOException {
    return write(directory, threads, takeOver, chain.rounds().get(0).number(), 1);
  }

  /**
   * Writes into one directory what is newer than a round that its parent directory holds: pages of
   * rounds up to that one are PARENT. The link {@code parent} is the caller's to make.
   *
   * @param parentRound whose images were made of this chain, at least 1
   * @see #writeTo
   */
  public RawSummary writeSince(int parentRound, Path directory, int threads, TakeOver takeOver)
      throws IOException {
    int rounds = newest.number() - parentRound;
    if (parentRound < 1 || rounds < 1) {
      throw new IllegalArgumentException(
          "parentRound=" + parentRound + " of round=" + newest.number());
    }
    return write(directory, threads, takeOver, parentRound + 1, rounds);
  }

  /**
   * Writes a directory for every round, {@code 0001} and on, each but the first with a relative
   * symlink {@code parent} to the one before: what did not change lies in the parent.
   *
   * @see #writeTo
   */
  public RawSummary writeChainTo(Path directory, int threads) throws IOException {
    Storage storage = Storage.disk;
    List<RoundImages> rounds = chain.rounds();
    long parentBytes = 0;
    for (int i = 0; i < rounds.size(); i++) {
      RoundImages round = rounds.get(i);
      Path target = directory.resolve(ChainDirectory.roundName(round.number()));
      storage.createDirectory(target);
      if (i > 0) {
        String parent = RoundWriter.parentTarget(rounds.get(i - 1).number());
        storage.createLink(target.resolve("parent"), parent);
      }
      if (round != newest) {
        parentBytes += writeRound(storage, round, target, threads);
      }
    }
    Path target = directory.resolve(ChainDirectory.roundName(newest.number()));
    RawSummary last = write(target, threads, TakeOver.COPY, newest.number(), rounds.size());
    return new RawSummary(
        last.rounds(),
        last.processes(),
        last.chainPages(),
        last.criuPages(),
        last.zeroPages(),
        last.leftOutPages(),
        last.pagesBytes() + parentBytes,
        last.otherBytes());
  }

  /** A round as it is, but for the compression; CRIU's own files of an older one are left out. */
  private static long writeRound(Storage storage, RoundImages round, Path target, int threads)
      throws IOException {
    for (SmallFile f : round.manifest().smallFiles()) {
      if (!CriuFiles.isOne(f)) {
        copy(storage, round, f, target.resolve(f.name()));
      }
    }
    long bytes = 0;
    int number = round.number();
    for (PagesFile f : round.manifest().pagesFiles()) {
      try (FrameReader reader = FrameReader.open(round.path(), f)) {
        PageLayout.Builder all = new PageLayout.Builder();
        if (reader.pageCount() > 0) {
          all.add(0, reader.pageCount(), number, 0);
        }
        bytes +=
            new RawPages(storage, target, threads)
                .pages(
                    PagesWriter.fileNumber(f.name()),
                    all.build(),
                    r -> reader,
                    number,
                    number,
                    Optional.empty());
      }
    }
    return bytes;
  }

  private RawSummary write(
      Path directory, int threads, TakeOver takeOver, int firstRound, int rounds)
      throws IOException {
    Storage storage = Storage.disk;
    RawPages raw = new RawPages(storage, directory, threads);
    long pagesBytes = 0;
    long criuPages = 0;
    long zeroPages = 0;
    long allPages = 0;
    for (SmallFile f : others) {
      takeOver(storage, f, directory, takeOver);
    }
    for (Item i : items) {
      pagesBytes +=
          raw.write(
              i.name(),
              i.id(),
              i.layout(),
              i.pages()::file,
              firstRound,
              newest.number(),
              i.criuPages());
      allPages += i.layout().pageCount();
      criuPages += i.layout().pageCount(PageLayout.CRIU);
      zeroPages += i.layout().pageCount(PageLayout.ZEROS);
    }
    return new RawSummary(
        rounds,
        (int) items.stream().filter(i -> i.name().kind() == PagesName.Kind.PROCESS).count(),
        allPages - criuPages - zeroPages,
        criuPages,
        zeroPages,
        items.stream().mapToLong(Item::leftOutPages).sum(),
        pagesBytes,
        otherBytes());
  }

  private void takeOver(Storage storage, SmallFile f, Path directory, TakeOver takeOver)
      throws IOException {
    Path target = directory.resolve(CriuFiles.isOne(f) ? CriuFiles.nameOf(f) : f.name());
    if (takeOver == TakeOver.LINK) {
      newest.check(f);
      try {
        Files.createLink(target, newest.path().resolve(f.name()));
        return;
      } catch (FileSystemException | UnsupportedOperationException e) {
        // another file system, or one without links
      }
    }
    copy(storage, newest, f, target);
  }

  /** Copies a file and checks it on the way. */
  private static void copy(Storage storage, RoundImages round, SmallFile f, Path target)
      throws IOException {
    Path from = round.sized(f);
    MessageDigest sha = Digests.sha256();
    byte[] piece = new byte[(int) Math.min(COPY_BYTES, Math.max(1, f.bytes()))];
    try (FileChannel in =
            FileChannel.open(from, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS);
        FileChannel out = storage.createFile(target)) {
      for (long done = 0; done < f.bytes(); ) {
        int n = (int) Math.min(piece.length, f.bytes() - done);
        ImageFiles.readFully(in, from, done, piece, n);
        sha.update(piece, 0, n);
        storage.write(out, target, ByteBuffer.wrap(piece, 0, n));
        done += n;
      }
      storage.close(out, target);
    }
    RoundImages.expectHash(f, from, Digests.hex(sha.digest()));
  }
}
