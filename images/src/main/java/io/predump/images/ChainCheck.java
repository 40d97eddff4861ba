package io.predump.images;

import io.predump.images.ChainVerifier.Problem;
import io.predump.images.ChainVerifier.Report;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** One run of {@link ChainVerifier}. */
final class ChainCheck {
  /** Beyond this many damaged frames in a file, the rest is only counted. */
  private static final int MAX_FRAME_PROBLEMS = 20;

  private final Path dir;
  private final int threads;
  private final List<Problem> problems = new ArrayList<>();
  private final List<Problem> warnings = new ArrayList<>();
  private int rounds;
  private long files;
  private long frames;
  private long pages;
  private long bytes;

  /** The round before, if it was readable. */
  private @Nullable RoundImages before;

  /** What the round before holds, by pagemap; damaged pagemaps are unknown. */
  private Map<String, PageRuns> held = new HashMap<>();

  /** Whether PARENT pages that nobody can look up have been mentioned since the last full round. */
  private boolean unresolvedNoted;

  ChainCheck(Path dir, int threads) {
    this.dir = dir;
    this.threads = threads;
  }

  Report run() throws IOException {
    ChainDirectory.open(dir);
    List<Integer> numbers = checkEntries();
    int expected = 1;
    for (int number : numbers) {
      for (; expected < number; expected++) {
        problem(dir.resolve(ChainDirectory.roundName(expected)), "round missing");
        before = null;
      }
      expected++;
      rounds++;
      checkRound(number);
    }
    if (numbers.isEmpty()) {
      problems.add(new Problem(".", -1, "holds no round"));
    }
    checkLatest(numbers);
    return new Report(
        List.copyOf(problems), List.copyOf(warnings), rounds, files, frames, pages, bytes);
  }

  private List<Integer> checkEntries() throws IOException {
    for (Path entry : ChainDirectory.entries(dir)) {
      String name = entry.getFileName().toString();
      if (ChainDirectory.isPartialName(name)) {
        warn(entry, "a round that was never committed");
      } else if (!ChainDirectory.isRoundName(name)
          && !ChainDirectory.isExpansionName(name)
          && !name.equals(ChainDirectory.LATEST)) {
        problem(entry, "not part of the chain");
      }
    }
    return ChainDirectory.listRounds(dir);
  }

  private void checkLatest(List<Integer> numbers) throws IOException {
    Path link = dir.resolve(ChainDirectory.LATEST);
    if (!Files.exists(link, LinkOption.NOFOLLOW_LINKS)) {
      if (!numbers.isEmpty()) {
        warn(link, "missing");
      }
      return;
    }
    files++;
    if (!Files.isSymbolicLink(link)) {
      problem(link, "not a symbolic link");
      return;
    }
    String target = Files.readSymbolicLink(link).toString();
    boolean aRound =
        ChainDirectory.isRoundName(target) && numbers.contains(Integer.parseInt(target));
    if (!aRound) {
      problem(link, "target=" + target + ": not a round");
    } else if (Integer.parseInt(target) != numbers.get(numbers.size() - 1)) {
      warn(link, "target=" + target + ": not the newest round");
    }
  }

  private void checkRound(int number) throws IOException {
    RoundImages parent = before;
    before = null;
    Map<String, PageRuns> parentHeld = held;
    held = new HashMap<>();
    ManifestFile.Signed signed;
    try {
      signed = ChainDirectory.readManifest(dir, number);
    } catch (ImageException e) {
      problem(e);
      return;
    }
    RoundImages round = new RoundImages(dir.resolve(ChainDirectory.roundName(number)), signed);
    files++;
    bytes += signed.bytes();
    checkNames(round);
    attempt(round::checkParentLink);
    boolean full = signed.manifest().parent().isEmpty();
    if (full) {
      unresolvedNoted = false;
    } else {
      files++;
      if (parent != null) {
        RoundImages p = parent;
        attempt(() -> p.checkParentOf(round));
      }
    }
    // a small file that is damaged is named once, by its hash; only sound ones are looked into
    Set<String> sound = new HashSet<>();
    for (SmallFile f : signed.manifest().smallFiles()) {
      files++;
      attempt(
          () -> {
            round.check(f);
            bytes += f.bytes();
            sound.add(f.name());
          });
    }
    attempt(round::inventory, sound, ImageFiles.INVENTORY);
    attempt(round::statistics, sound, ImageFiles.STATS);
    for (PagesFile f : signed.manifest().pagesFiles()) {
      files++;
      attempt(() -> checkFrames(round, f));
      held.put(f.pagemap(), PageRuns.UNKNOWN);
      if (sound.contains(f.pagemap())) {
        attempt(() -> checkPagemap(round, f, sound));
        resolve(round, f, full ? null : parent, parentHeld);
      }
    }
    for (SmallFile f : signed.manifest().smallFiles()) {
      if (f.name().startsWith("mm-") && sound.contains(f.name())) {
        attempt(() -> ImageFiles.mm(round.path().resolve(f.name()), round.bytes(f)));
      }
    }
    before = round;
  }

  private void resolve(
      RoundImages round,
      PagesFile f,
      @Nullable RoundImages parent,
      Map<String, PageRuns> parentHeld)
      throws IOException {
    PageRuns usable = PageRuns.NONE;
    if (round.manifest().parent().isPresent()) {
      // a damaged parent is named already; what lies in it is unknown, which is not "nothing"
      usable =
          parent == null ? PageRuns.UNKNOWN : parentHeld.getOrDefault(f.pagemap(), PageRuns.NONE);
    }
    PageRuns known = usable;
    attempt(() -> held.put(f.pagemap(), round.resolve(f, Optional.ofNullable(parent), known)));
    if (!held.getOrDefault(f.pagemap(), PageRuns.NONE).complete() && !known.complete()) {
      noteUnresolved(round.path().resolve(f.pagemap()));
    }
  }

  private void noteUnresolved(Path pagemap) {
    if (!unresolvedNoted) {
      unresolvedNoted = true;
      warn(
          pagemap,
          "PARENT pages of damaged rounds not looked up, from here to the next full round");
    }
  }

  private void checkNames(RoundImages round) throws IOException {
    Set<String> known = new HashSet<>();
    known.add(ManifestFile.NAME);
    known.add("parent");
    round.manifest().smallFiles().forEach(f -> known.add(f.name()));
    round.manifest().pagesFiles().forEach(f -> known.add(f.name()));
    if (round.manifest().criu().isPresent()) {
      known.add(CriuFiles.DIRECTORY);
      Path criu = CriuFiles.in(round.path());
      if (Files.isDirectory(criu, LinkOption.NOFOLLOW_LINKS)) {
        checkNames(criu, CriuFiles.PREFIX, known);
      }
    }
    checkNames(round.path(), "", known);
  }

  private void checkNames(Path directory, String prefix, Set<String> known) throws IOException {
    for (Path entry : ChainDirectory.entries(directory)) {
      if (!known.contains(prefix + entry.getFileName())) {
        problem(entry, "not in the manifest");
      }
    }
  }

  private void checkFrames(RoundImages round, PagesFile f) throws IOException {
    try (FrameReader reader = FrameReader.open(round.path(), f)) {
      int count = f.frames().count();
      AtomicInteger next = new AtomicInteger();
      AtomicInteger damaged = new AtomicInteger();
      int workers = Math.max(1, Math.min(threads, count));
      Workers.run(workers, () -> decompress(reader, next, damaged));
      if (damaged.get() > MAX_FRAME_PROBLEMS) {
        problem(reader.file(), "damaged frames=" + damaged.get() + " of " + count);
      }
      frames += count;
      pages += reader.pageCount();
      bytes += f.bytes();
    }
  }

  private void decompress(FrameReader reader, AtomicInteger next, AtomicInteger damaged)
      throws IOException {
    FrameReader.Scratch scratch = new FrameReader.Scratch();
    FrameReader.Scratch source = new FrameReader.Scratch();
    try (FrameCodec codec = new FrameCodec(1)) {
      for (int i = next.getAndIncrement();
          i < reader.frames().count();
          i = next.getAndIncrement()) {
        try {
          reader.read(i, codec, scratch, source.ofAtLeast(reader.frames().sourceBytes(i)));
        } catch (ImageException e) {
          if (damaged.incrementAndGet() <= MAX_FRAME_PROBLEMS) {
            problem(e);
          }
        }
      }
    }
  }

  /** Entries lie inside private VMAs of the process. */
  private void checkPagemap(RoundImages round, PagesFile f, Set<String> sound) throws IOException {
    PagesName name = PagesName.ofFile(f.pagemap()).orElseThrow();
    if (name.kind() != PagesName.Kind.PROCESS) {
      return;
    }
    String mmName = ImageFiles.mmName((int) name.id());
    Optional<SmallFile> mmFile =
        round.manifest().smallFiles().stream().filter(s -> s.name().equals(mmName)).findFirst();
    if (mmFile.isEmpty()) {
      throw new ImageCorruptException(
          round.path().resolve(mmName), -1, "missing, but there is " + f.pagemap());
    }
    if (!sound.contains(mmName)) {
      return;
    }
    MmImage mm;
    try {
      mm = round.mm((int) name.id()).orElseThrow();
    } catch (ImageException e) {
      return; // named when the mm files are looked into
    }
    PagemapReader entries = round.pagemap(f);
    int v = 0;
    List<VmaImage> vmas = mm.vmas();
    while (entries.next()) {
      long address = entries.vaddr();
      while (address != entries.end()) {
        while (v < vmas.size() && Long.compareUnsigned(vmas.get(v).end(), address) <= 0) {
          v++;
        }
        if (v == vmas.size()
            || Long.compareUnsigned(vmas.get(v).start(), address) > 0
            || !vmas.get(v).holdsPrivatePages()) {
          throw entries.corrupt(
              String.format("page 0x%x: not in a private VMA of %s", address, mmName));
        }
        address =
            Long.compareUnsigned(vmas.get(v).end(), entries.end()) < 0
                ? vmas.get(v).end()
                : entries.end();
      }
    }
  }

  private interface Check {
    void run() throws IOException;
  }

  private void attempt(Check check) throws IOException {
    try {
      check.run();
    } catch (ImageException e) {
      problem(e);
    }
  }

  private void attempt(Check check, Set<String> sound, String name) throws IOException {
    if (sound.contains(name)) {
      attempt(check);
    }
  }

  private void problem(ImageException e) {
    synchronized (problems) {
      problems.add(new Problem(relative(e.path()), e.offset(), e.detail()));
    }
  }

  private void problem(Path file, String message) {
    synchronized (problems) {
      problems.add(new Problem(relative(file), -1, message));
    }
  }

  private void warn(Path file, String message) {
    warnings.add(new Problem(relative(file), -1, message));
  }

  private String relative(Path file) {
    return file.startsWith(dir) ? dir.relativize(file).toString() : file.toString();
  }
}
