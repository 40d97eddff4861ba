package io.predump.images;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/** Writes small chains with fixed content. */
final class TestChains {
  static final int PAGE = 4096;
  static final int PID = 42;
  static final PagesName NAME = PagesName.ofProcess(PID);
  static final long HEAP = 0x5600_0000_0000L;
  static final String BOOT_ID = "b5a1f7c2-0000-4000-8000-3c0ffee00001";

  private TestChains() {}

  /** A page of text that compresses well and differs for each seed. */
  static byte[] page(long seed) {
    byte[] b = new byte[PAGE];
    byte[] line =
        ("page " + seed + " of a program that writes. ").getBytes(StandardCharsets.US_ASCII);
    for (int i = 0; i < PAGE; i++) {
      b[i] = line[i % line.length];
    }
    ByteBuffer.wrap(b).order(ByteOrder.LITTLE_ENDIAN).putLong(0, seed * 0x9E3779B97F4A7C15L);
    return b;
  }

  /** Compresses pages into frames of at most {@code pagesPerFrame} pages and appends them. */
  static void append(PagesWriter writer, List<byte[]> pages, int pagesPerFrame) throws IOException {
    try (FrameCodec codec = new FrameCodec(1)) {
      for (int from = 0; from < pages.size(); from += pagesPerFrame) {
        List<byte[]> part = pages.subList(from, Math.min(pages.size(), from + pagesPerFrame));
        ByteBuffer source = ByteBuffer.allocateDirect(part.size() * PAGE);
        part.forEach(source::put);
        source.flip();
        ByteBuffer frame = ByteBuffer.allocateDirect(FrameCodec.maxFrameBytes(source.remaining()));
        codec.compress(source, frame);
        writer.append(frame, source.remaining(), codec.digest(frame));
      }
    }
  }

  static MmImage mm(long start, long pageCount) {
    return new MmImage(
        0x400000,
        0x401000,
        0x402000,
        0x403000,
        0x7ffc00001000L,
        start,
        start + pageCount * PAGE,
        0x7ffc00001100L,
        0x7ffc00001200L,
        0x7ffc00001200L,
        0x7ffc00001300L,
        0,
        List.of(6L, 4096L, 0L, 0L),
        List.of(
            new VmaImage(
                start,
                start + pageCount * PAGE,
                0,
                0,
                3,
                0x22,
                VmaImage.STATUS_REGULAR | VmaImage.STATUS_HEAP | VmaImage.STATUS_ANON_PRIVATE,
                -1,
                OptionalLong.empty(),
                OptionalInt.empty()),
            new VmaImage(
                0x7f0000000000L,
                0x7f0000001000L,
                0x2000,
                7,
                1,
                0x01,
                VmaImage.STATUS_REGULAR | VmaImage.STATUS_FILE_SHARED,
                3,
                OptionalLong.of(1L << 14),
                OptionalInt.of(0x8000))),
        OptionalInt.of(1),
        List.of(),
        Optional.of(false));
  }

  static RoundRecord record(int round, long syncMicros) {
    return new RoundRecord(
        round,
        11,
        12,
        13,
        14,
        15,
        syncMicros,
        16,
        100,
        new RoundRecord.VmaCounts(2, 1, 0, 1),
        new RoundRecord.PageCounts(10, 5, 1, 2, 0, 0, 4, 3),
        new RoundRecord.ByteCounts(20480, 300),
        new RoundRecord.DirtyRate(1_000_000, 20),
        1500,
        -1,
        round == 2 ? "downtime-limit" : "");
  }

  static ManifestDraft draft(boolean finalFreeze) {
    return new ManifestDraft(
        "0.1.0",
        "6.18.0",
        BOOT_ID,
        finalFreeze,
        List.of(new ProcessIdentity(PID, PID, 123456, "writer")),
        "uffd-wp",
        List.of(
            new VmaRecord(PID, HEAP, HEAP + 16 * PAGE, VmaPolicy.TRACK, "", "[heap]"),
            new VmaRecord(
                PID,
                0x7f0000000000L,
                0x7f0000001000L,
                VmaPolicy.SKIP,
                "shared regular file",
                "/srv/data")),
        3,
        1_790_000_000_000L,
        List.of("a warning"),
        List.of(),
        Optional.empty());
  }

  /** Six pages in round 1; in round 2 one rewritten, one new, one gone, the rest in the parent. */
  static void twoRounds(Path dir) throws IOException {
    ChainDirectory chain = ChainDirectory.openOrCreate(dir);
    first(chain, new Storage());
    second(chain, new Storage());
  }

  static void first(ChainDirectory chain, Storage storage) throws IOException {
    try (RoundWriter w = RoundWriter.begin(chain, OptionalInt.empty(), storage)) {
      PagesWriter p = w.pages(NAME);
      append(p, List.of(page(1), page(2), page(3), page(4)), 2);
      p.entry(HEAP, 3, PageKind.PRESENT);
      p.entry(HEAP + 8 * PAGE, 1, PageKind.PRESENT);
      p.finish();
      PagesWriter shared = w.pages(PagesName.ofShared(9));
      append(shared, List.of(page(100)), 1);
      shared.entry(0, 1, PageKind.PRESENT);
      shared.finish();
      finish(w, 1);
    }
  }

  static void second(ChainDirectory chain, Storage storage) throws IOException {
    try (RoundWriter w = RoundWriter.begin(chain, OptionalInt.of(1), storage)) {
      PagesWriter p = w.pages(NAME);
      append(p, List.of(page(21), page(22)), 2);
      p.entry(HEAP, 1, PageKind.PARENT);
      p.entry(HEAP + PAGE, 1, PageKind.PRESENT);
      p.entry(HEAP + 8 * PAGE, 1, PageKind.PARENT);
      p.entry(HEAP + 9 * PAGE, 1, PageKind.PRESENT);
      p.finish();
      PagesWriter shared = w.pages(PagesName.ofShared(9));
      shared.entry(0, 1, PageKind.PARENT);
      shared.finish();
      finish(w, 2);
    }
  }

  private static void finish(RoundWriter w, int round) throws IOException {
    w.mm(PID, mm(HEAP, 16));
    w.inventory(new InventoryImage(0, 5_000_000L * round));
    w.stats(new DumpStatistics(1, 2, 3, 4, 10, 3, 4, 0));
    w.commit(draft(round == 2), sync -> record(round, 17));
  }

  /** What {@link #twoRounds} holds in the end, by address. */
  static SortedMap<Long, byte[]> expectedPages() {
    return new TreeMap<>(
        Map.of(
            HEAP,
            page(1),
            HEAP + PAGE,
            page(21),
            HEAP + 8 * PAGE,
            page(4),
            HEAP + 9 * PAGE,
            page(22)));
  }

  /** Reads all a chain holds under a name, by address. */
  static SortedMap<Long, byte[]> read(Path dir, PagesName name) throws IOException {
    SortedMap<Long, byte[]> pages = new TreeMap<>(Long::compareUnsigned);
    try (ImageChain chain = ImageChain.open(dir)) {
      ResolvedPages resolved = chain.pages(name);
      resolved.forEachRun(
          (vaddr, count, round) -> {
            for (long i = 0; i < count; i++) {
              ByteBuffer b = ByteBuffer.allocate(PAGE);
              if (!resolved.read(vaddr + i * PAGE, b)) {
                throw new AssertionError("run lists a page that is not held");
              }
              pages.put(vaddr + i * PAGE, b.array());
            }
          });
    }
    return pages;
  }

  /** Every regular file and symlink below a directory, relative, in order. */
  static List<Path> files(Path dir) throws IOException {
    List<Path> files = new ArrayList<>();
    try (Stream<Path> walk = Files.walk(dir)) {
      for (Path p : (Iterable<Path>) walk.sorted()::iterator) {
        if (!Files.isDirectory(p, LinkOption.NOFOLLOW_LINKS)) {
          files.add(dir.relativize(p));
        }
      }
    }
    return files;
  }

  /** Copies a directory, symlinks as symlinks. */
  static void copy(Path from, Path to) throws IOException {
    Files.createDirectories(to);
    for (Path f : files(from)) {
      Path target = to.resolve(f);
      Path parent = target.getParent();
      if (parent != null) {
        Files.createDirectories(parent);
      }
      Files.copy(from.resolve(f), target, LinkOption.NOFOLLOW_LINKS);
    }
  }
}
