package io.predump.images;

import static io.predump.images.TestChains.HEAP;
import static io.predump.images.TestChains.PAGE;
import static io.predump.images.TestChains.PID;
import static io.predump.images.TestChains.page;
import static io.predump.images.TestCriu.LAZY;
import static io.predump.images.TestCriu.PRESENT;
import static io.predump.images.TestCriu.entry;
import static io.predump.images.TestCriu.process;
import static io.predump.images.TestCriu.vma;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.predump.images.RawImages.TakeOver;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Raw images hold every page of a chain, at its place, and nothing else. */
class RawImagesTest {
  private static final int ANON = VmaImage.STATUS_REGULAR | VmaImage.STATUS_ANON_PRIVATE;
  private static final int FILE = VmaImage.STATUS_REGULAR | VmaImage.STATUS_FILE_PRIVATE;
  private static final byte[] ZEROS = new byte[PAGE];

  @TempDir Path temp;
  private Path dir = Path.of("");
  private Path out = Path.of("");

  @BeforeEach
  void makeDirectories() throws IOException {
    dir = temp.resolve("chain");
    out = Files.createDirectory(temp.resolve("out"));
  }

  private RawSummary write(int threads, TakeOver takeOver) throws IOException {
    try (ImageChain chain = ImageChain.open(dir)) {
      return RawImages.of(chain).writeTo(out, threads, takeOver);
    }
  }

  /** Reads raw images as CRIU does: through {@code parent} where an entry says so. */
  private static SortedMap<Long, byte[]> read(Path directory, String pagemap) throws IOException {
    SortedMap<Long, byte[]> pages = new TreeMap<>(Long::compareUnsigned);
    Path file = directory.resolve(pagemap);
    PagemapReader entries = new PagemapReader(file, Files.readAllBytes(file));
    byte[] bytes = Files.readAllBytes(directory.resolve("pages-" + entries.pagesId() + ".img"));
    int at = 0;
    SortedMap<Long, byte[]> parent = null;
    while (entries.next()) {
      for (long a = entries.vaddr(); a < entries.end(); a += PAGE) {
        if (entries.kind() == PageKind.PRESENT) {
          pages.put(a, Arrays.copyOfRange(bytes, at, at + PAGE));
          at += PAGE;
        } else {
          if (parent == null) {
            parent = read(directory.resolve("parent"), pagemap);
          }
          assertThat(parent).containsKey(a);
          pages.put(a, parent.get(a));
        }
      }
    }
    assertThat(at).as("all of the pages file is listed").isEqualTo(bytes.length);
    return pages;
  }

  private static String kinds(Path pagemap) throws IOException {
    PagemapReader entries = new PagemapReader(pagemap, Files.readAllBytes(pagemap));
    StringBuilder kinds = new StringBuilder();
    while (entries.next()) {
      kinds.append(entries.kind()).append('*').append(entries.pageCount()).append(' ');
    }
    return kinds.toString().strip();
  }

  @Test
  void aRoundIsFlattenedWithAllItBuildsOn() throws IOException {
    TestChains.twoRounds(dir);
    RawSummary summary = write(2, TakeOver.COPY);
    assertThat(read(out, "pagemap-42.img")).containsExactlyEntriesOf(TestChains.expectedPages());
    assertThat(read(out, "pagemap-shmem-9.img")).containsOnlyKeys(0L);
    assertThat(read(out, "pagemap-shmem-9.img").get(0L)).isEqualTo(page(100));
    assertThat(kinds(out.resolve("pagemap-42.img"))).isEqualTo("PRESENT*2 PRESENT*2");
    assertThat(TestChains.files(out).stream().map(Path::toString))
        .containsExactly(
            "inventory.img",
            "mm-42.img",
            "pagemap-42.img",
            "pagemap-shmem-9.img",
            "pages-1.img",
            "pages-2.img",
            "stats-dump");
    for (Path f : TestChains.files(out)) {
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(out.resolve(f))))
          .isEqualTo("rw-------");
    }
    assertThat(Files.readAllBytes(out.resolve("mm-42.img")))
        .isEqualTo(Files.readAllBytes(dir.resolve("0002/mm-42.img")));
    assertThat(summary.chainPages()).isEqualTo(5);
    assertThat(summary.processes()).isEqualTo(1);
    assertThat(summary.pagesBytes()).isEqualTo(5 * PAGE);
    assertThat(summary.leftOutPages()).isZero();
  }

  @Test
  void theChainIsKeptAsDirectoriesWithParents() throws IOException {
    TestChains.twoRounds(dir);
    RawSummary summary;
    try (ImageChain chain = ImageChain.open(dir)) {
      summary = RawImages.of(chain).writeChainTo(out, 2);
    }
    assertThat(Files.readSymbolicLink(out.resolve("0002/parent"))).isEqualTo(Path.of("../0001"));
    assertThat(out.resolve("0001/parent")).doesNotExist();
    assertThat(kinds(out.resolve("0002/pagemap-42.img")))
        .isEqualTo("PARENT*1 PRESENT*1 PARENT*1 PRESENT*1");
    assertThat(read(out.resolve("0002"), "pagemap-42.img"))
        .containsExactlyEntriesOf(TestChains.expectedPages());
    assertThat(read(out.resolve("0002"), "pagemap-shmem-9.img").get(0L)).isEqualTo(page(100));
    assertThat(read(out.resolve("0001"), "pagemap-42.img")).hasSize(4);
    assertThat(summary.rounds()).isEqualTo(2);
    assertThat(summary.pagesBytes()).isEqualTo((5 + 2) * PAGE);
    assertThat(Files.readAllBytes(out.resolve("0001/inventory.img")))
        .isEqualTo(Files.readAllBytes(dir.resolve("0001/inventory.img")));
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3})
  void randomChainsComeOutPageByPage(long seed) throws IOException {
    Random random = new Random(seed);
    ChainDirectory chain = ChainDirectory.openOrCreate(dir);
    SortedMap<Long, byte[]> held = new TreeMap<>(Long::compareUnsigned);
    for (int round = 1; round <= 5; round++) {
      OptionalInt parent = round == 1 ? OptionalInt.empty() : OptionalInt.of(round - 1);
      try (RoundWriter w = RoundWriter.begin(chain, parent)) {
        PagesWriter p = w.pages(TestChains.NAME);
        SortedMap<Long, byte[]> now = new TreeMap<>(Long::compareUnsigned);
        List<byte[]> written = new ArrayList<>();
        for (int i = 0; i < 2_000; i++) {
          long address = HEAP + i * (long) PAGE;
          byte[] before = held.get(address);
          int what = random.nextInt(round == 1 ? 3 : 20);
          if (what == 0 || (before == null && what > 2)) {
            continue;
          }
          if (what <= 2) {
            byte[] bytes = page(seed * 1_000_000L + round * 10_000L + i);
            written.add(bytes);
            now.put(address, bytes);
            p.entry(address, 1, PageKind.PRESENT);
          } else if (before != null) {
            now.put(address, before);
            p.entry(address, 1, PageKind.PARENT);
          }
        }
        TestChains.append(p, written, 1 + random.nextInt(64));
        p.finish();
        w.mm(PID, TestChains.mm(HEAP, 2_000));
        w.commit(TestChains.draft(false), TestChains.record(round, 0));
        held = now;
      }
    }
    write(1 + random.nextInt(3), TakeOver.COPY);
    assertThat(read(out, "pagemap-42.img")).containsExactlyEntriesOf(held);
    Path kept = Files.createDirectory(temp.resolve("kept"));
    try (ImageChain c = ImageChain.open(dir)) {
      RawImages.of(c).writeChainTo(kept, 2);
    }
    assertThat(read(kept.resolve("0005"), "pagemap-42.img")).containsExactlyEntriesOf(held);
    for (int parent = 1; parent <= 4; parent++) {
      Path since = Files.createDirectory(kept.resolve("since-" + parent));
      try (ImageChain c = ImageChain.open(dir)) {
        RawImages.of(c).writeSince(parent, since, 2, TakeOver.COPY);
      }
      assertThat(Files.exists(since.resolve("parent"), LinkOption.NOFOLLOW_LINKS)).isFalse();
      Files.createSymbolicLink(since.resolve("parent"), Path.of("../000" + parent));
      assertThat(read(since, "pagemap-42.img")).containsExactlyEntriesOf(held);
      assertThat(kinds(since.resolve("pagemap-42.img"))).contains("PARENT");
    }
    try (ImageChain c = ImageChain.open(dir)) {
      assertThatThrownBy(() -> RawImages.of(c).writeSince(5, out, 2, TakeOver.COPY))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("parentRound=5 of round=5");
    }
  }

  /** What CRIU writes into the round's {@code criu/}. */
  private interface CriuContent {
    void write(Path criu) throws IOException;
  }

  /**
   * A second round over {@link TestChains#first} that is a whole checkpoint. The heap is a mapping
   * of eight pages only, of which the second page is rewritten: the chain's pages 8 and 9 lie
   * outside.
   */
  private void checkpoint(CriuOrigin.Mode mode, CriuContent content) throws IOException {
    ChainDirectory chain = ChainDirectory.openOrCreate(dir);
    TestChains.first(chain, new Storage());
    try (RoundWriter w = RoundWriter.begin(chain, OptionalInt.of(1))) {
      PagesWriter p = w.pages(TestChains.NAME);
      TestChains.append(p, List.of(page(21), page(22)), 2);
      p.entry(HEAP, 1, PageKind.PARENT);
      p.entry(HEAP + PAGE, 1, PageKind.PRESENT);
      p.entry(HEAP + 8 * PAGE, 1, PageKind.PARENT);
      p.entry(HEAP + 9 * PAGE, 1, PageKind.PRESENT);
      p.finish();
      w.mm(PID, TestChains.mm(HEAP, 16));
      Path criu = w.criuDirectory();
      TestCriu.pstree(criu, process(PID, 0));
      TestCriu.mm(criu, PID, vma(HEAP, 8, ANON), vma(HEAP + 10 * PAGE, 2, FILE));
      TestCriu.pages(criu, 1, page(500));
      Files.writeString(criu.resolve("core-42.img"), "the registers");
      content.write(criu);
      w.takeCriuFiles();
      w.commit(
          TestChains.draft(true).withCriu(new CriuOrigin("4.2.1", mode)), TestChains.record(2, 0));
    }
  }

  private void veiled() throws IOException {
    checkpoint(
        CriuOrigin.Mode.VEIL,
        criu -> {
          // the veil hides pages from a scan only; that of the file CRIU found by itself
          TestCriu.pagemap(
              criu, PID, 7, entry(HEAP, 1, LAZY | PRESENT), entry(HEAP + 10 * PAGE, 1, PRESENT));
          TestCriu.pages(criu, 7, page(600), page(601));
        });
  }

  @Test
  void underTheVeilThePagesAreTheChainsInTheMappingsOfCriu() throws IOException {
    veiled();
    RawSummary summary = write(1, TakeOver.COPY);
    SortedMap<Long, byte[]> pages = read(out, "pagemap-42.img");
    assertThat(pages).containsOnlyKeys(HEAP, HEAP + PAGE, HEAP + 10 * PAGE);
    assertThat(pages.get(HEAP)).isEqualTo(page(1));
    assertThat(pages.get(HEAP + PAGE)).isEqualTo(page(21));
    assertThat(pages.get(HEAP + 10 * PAGE)).isEqualTo(page(601));
    assertThat(TestChains.files(out).stream().map(Path::toString))
        .containsExactly(
            "core-42.img",
            "mm-42.img",
            "pagemap-42.img",
            "pages-1.img",
            "pages-7.img",
            "pstree.img");
    assertThat(Files.readString(out.resolve("core-42.img"))).isEqualTo("the registers");
    assertThat(Files.readAllBytes(out.resolve("pages-1.img"))).isEqualTo(page(500));
    assertThat(summary)
        .isEqualTo(
            new RawSummary(
                1,
                1,
                2,
                1,
                0,
                2,
                3 * PAGE,
                PAGE
                    + Files.size(out.resolve("core-42.img"))
                    + Files.size(out.resolve("mm-42.img"))
                    + Files.size(out.resolve("pstree.img"))));
  }

  @Test
  void theChainOfACheckpointEndsInADirectoryOfCriusWithParent() throws IOException {
    veiled();
    try (ImageChain chain = ImageChain.open(dir)) {
      RawImages.of(chain).writeChainTo(out, 1);
    }
    assertThat(kinds(out.resolve("0002/pagemap-42.img"))).isEqualTo("PARENT*1 PRESENT*1 PRESENT*1");
    SortedMap<Long, byte[]> pages = read(out.resolve("0002"), "pagemap-42.img");
    assertThat(pages).containsOnlyKeys(HEAP, HEAP + PAGE, HEAP + 10 * PAGE);
    assertThat(pages.get(HEAP)).isEqualTo(page(1));
    assertThat(pages.get(HEAP + 10 * PAGE)).isEqualTo(page(601));
    assertThat(out.resolve("0002/core-42.img")).exists();
    assertThat(out.resolve("0001/core-42.img")).doesNotExist();
  }

  @Test
  void withLazyPagesCriusListIsTheList() throws IOException {
    checkpoint(
        CriuOrigin.Mode.LAZY,
        criu -> {
          TestCriu.pagemap(
              criu,
              PID,
              7,
              entry(HEAP, 1, PRESENT),
              entry(HEAP + PAGE, 3, LAZY),
              entry(HEAP + 10 * PAGE, 2, PRESENT));
          TestCriu.pages(criu, 7, page(600), page(601), page(602));
        });
    RawSummary summary = write(1, TakeOver.COPY);
    SortedMap<Long, byte[]> pages = read(out, "pagemap-42.img");
    assertThat(pages)
        .containsOnlyKeys(
            HEAP,
            HEAP + PAGE,
            HEAP + 2 * PAGE,
            HEAP + 3 * PAGE,
            HEAP + 10 * PAGE,
            HEAP + 11 * PAGE);
    assertThat(pages.get(HEAP)).as("CRIU's bytes").isEqualTo(page(600));
    assertThat(pages.get(HEAP + PAGE)).as("ours").isEqualTo(page(21));
    assertThat(pages.get(HEAP + 2 * PAGE)).as("nobody's").isEqualTo(ZEROS);
    assertThat(pages.get(HEAP + 3 * PAGE)).isEqualTo(ZEROS);
    assertThat(pages.get(HEAP + 11 * PAGE)).isEqualTo(page(602));
    assertThat(summary.criuPages()).isEqualTo(3);
    assertThat(summary.zeroPages()).isEqualTo(2);
    assertThat(summary.chainPages()).isEqualTo(1);
    assertThat(summary.leftOutPages()).isEqualTo(3);
  }

  @Test
  void whatDoesNotFitIsRefused() throws IOException {
    checkpoint(
        CriuOrigin.Mode.LAZY,
        criu -> TestCriu.pagemap(criu, PID, 7, entry(HEAP + 10 * PAGE, 2, LAZY)));
    refused("0002/criu/pagemap-42.img: LAZY pages=2 of which are held, or zeros=0");

    again();
    checkpoint(
        CriuOrigin.Mode.LAZY,
        criu -> TestCriu.pagemap(criu, PID, 7, entry(HEAP + 7 * PAGE, 2, LAZY)));
    refused("0002/criu/pagemap-42.img: LAZY pages=2 of which are held, or zeros=1");

    again();
    checkpoint(CriuOrigin.Mode.VEIL, criu -> TestCriu.pagemap(criu, PID, 7, entry(HEAP, 2, LAZY)));
    refused(
        "0002/criu/pagemap-42.img: record at offset 14: LAZY, but criu saw no page to be lazy"
            + " about");

    again();
    checkpoint(
        CriuOrigin.Mode.VEIL,
        criu -> {
          TestCriu.pagemap(criu, PID, 7, entry(HEAP, 2, PRESENT));
          TestCriu.pages(criu, 7, page(1));
        });
    refused("0002/criu/pages-7.img: bytes=4096, but its pagemap lists pages=2");

    again();
    checkpoint(
        CriuOrigin.Mode.VEIL, criu -> TestCriu.pagemap(criu, PID, 7, entry(HEAP, 2, PRESENT)));
    refused("0002/criu/pages-7.img: bytes=0, but its pagemap lists pages=2");

    again();
    checkpoint(
        CriuOrigin.Mode.VEIL,
        criu -> {
          TestCriu.pstree(criu, process(PID, 0), process(43, PID));
          TestCriu.pagemap(criu, PID, 7);
          TestCriu.mm(criu, 43, vma(HEAP, 8, ANON));
          TestCriu.pagemap(criu, 43, 8);
        });
    refused("0002/pagemap-43.img: missing, but criu has the process");
  }

  private void again() throws IOException {
    new Storage().deleteTree(dir);
  }

  private void refused(String message) {
    assertThatThrownBy(() -> write(1, TakeOver.COPY))
        .isInstanceOf(ImageCorruptException.class)
        .hasMessage(message);
    assertThat(out).isEmptyDirectory();
  }

  @Test
  void damagedPagesOfCriuAreFoundThoughOpeningReadsThemNot() throws IOException {
    veiled();
    for (String name : List.of("pages-1.img", "pages-7.img")) {
      Path file = dir.resolve("0002/criu").resolve(name);
      byte[] good = Files.readAllBytes(file);
      byte[] bad = good.clone();
      bad[100] ^= 1;
      Files.write(file, bad);
      for (TakeOver takeOver : TakeOver.values()) {
        assertThatThrownBy(() -> write(1, takeOver))
            .isInstanceOf(ImageCorruptException.class)
            .hasMessageStartingWith("0002/criu/" + name + ": sha256 expected=");
        new Storage().deleteTree(out);
        Files.createDirectory(out);
      }
      Files.write(file, good);
    }
    write(1, TakeOver.LINK);
  }

  @Test
  void damageInAFrameOfAnyRoundIsFoundOnAnyNumberOfThreads() throws IOException {
    TestChains.twoRounds(dir);
    for (String name : List.of("0001/pages-1.img.zst", "0002/pages-1.img.zst")) {
      Path file = dir.resolve(name);
      byte[] good = Files.readAllBytes(file);
      byte[] bad = good.clone();
      bad[20] ^= 1;
      Files.write(file, bad);
      for (int threads : new int[] {1, 3}) {
        assertThatThrownBy(() -> write(threads, TakeOver.COPY))
            .isInstanceOf(ImageCorruptException.class)
            .hasMessageStartingWith(name + ": frame 0 at offset 0: xxh3 expected=");
        new Storage().deleteTree(out);
        Files.createDirectory(out);
      }
      Files.write(file, good);
    }
  }

  @Test
  void filesAreLinkedForAReaderAndCopiedForAnybodyElse() throws IOException {
    veiled();
    Path core = dir.resolve("0002/criu/core-42.img");
    write(1, TakeOver.LINK);
    assertThat(Files.isSameFile(out.resolve("core-42.img"), core)).isTrue();
    assertThat(Files.isSameFile(out.resolve("pages-7.img"), dir.resolve("0002/criu/pages-7.img")))
        .isFalse();
    new Storage().deleteTree(out);
    Files.createDirectory(out);
    write(1, TakeOver.COPY);
    assertThat(Files.isSameFile(out.resolve("core-42.img"), core)).isFalse();
    assertThat(new ChainVerifier(1).verify(dir).problems()).isEmpty();
  }

  @Test
  void aMappingIsAFileWithEveryPageAtItsPlace() throws IOException {
    TestChains.twoRounds(dir);
    VmaFiles.Index index;
    try (ImageChain chain = ImageChain.open(dir)) {
      index = VmaFiles.write(chain, out, 2);
    }
    assertThat(index.vmas()).hasSize(2);
    VmaFiles.VmaFile heap = index.vmas().get(0);
    assertThat(heap.file()).contains("42-560000000000-560000010000.raw");
    assertThat(heap.heldPages()).isEqualTo(4);
    assertThat(heap.policy()).isEqualTo(VmaPolicy.TRACK);
    assertThat(index.vmas().get(1).file()).isEmpty();
    assertThat(index.shared()).hasSize(1);
    assertThat(index.heldPages()).isEqualTo(5);
    ByteBuffer expected = ByteBuffer.allocate(10 * PAGE);
    TestChains.expectedPages()
        .forEach((address, bytes) -> expected.position((int) (address - HEAP)).put(bytes));
    assertThat(Files.readAllBytes(out.resolve(heap.file().orElseThrow())))
        .isEqualTo(expected.array());
    assertThat(Files.readAllBytes(out.resolve("shmem-9.raw"))).isEqualTo(page(100));
  }
}
