package io.predump.images;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageChainTest {
  private static final int PAGE = TestChains.PAGE;
  private static final long BASE = TestChains.HEAP;

  /** Syncs nothing. */
  private static final Storage FAST =
      new Storage() {
        @Override
        void sync(FileChannel channel, Path file) {}
      };

  @TempDir Path temp;

  @Test
  void readsTheNewestAndOlderRounds() throws IOException {
    Path dir = temp.resolve("chain");
    TestChains.twoRounds(dir);
    assertThat(TestChains.read(dir, TestChains.NAME))
        .containsExactlyEntriesOf(TestChains.expectedPages());
    assertThat(TestChains.read(dir, PagesName.ofShared(9)).get(0L)).isEqualTo(TestChains.page(100));
    try (ImageChain first = ImageChain.open(dir, 1)) {
      ByteBuffer b = ByteBuffer.allocate(PAGE);
      assertThat(first.pages(TestChains.NAME).read(BASE + 2 * PAGE, b)).isTrue();
      assertThat(b.array()).isEqualTo(TestChains.page(3));
    }
    try (ImageChain chain = ImageChain.open(dir)) {
      ResolvedPages pages = chain.pages(TestChains.NAME);
      ByteBuffer b = ByteBuffer.allocate(PAGE);
      assertThat(pages.read(BASE + 2 * PAGE, b)).as("gone in round 2").isFalse();
      assertThat(b.position()).isZero();
      assertThatThrownBy(() -> chain.pages(PagesName.ofProcess(7)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("pagemap-7.img: not in round 2");
      assertThatThrownBy(() -> pages.read(BASE + 1, b))
          .isInstanceOf(IllegalArgumentException.class);
    }
    assertThatThrownBy(() -> ImageChain.open(dir, 3))
        .isInstanceOf(ImageCorruptException.class)
        .hasMessage(dir.resolve("0003") + ": round missing");
    Path empty = temp.resolve("empty");
    ChainDirectory.openOrCreate(empty);
    assertThatThrownBy(() -> ImageChain.open(empty))
        .isInstanceOf(ImageCorruptException.class)
        .hasMessage(empty + ": holds no round");
  }

  @Test
  void readingOnePageDecompressesOneFrameAndReadingAllInOrderEachFrameOnce() throws IOException {
    Path dir = temp.resolve("chain");
    List<byte[]> pages = new ArrayList<>();
    for (int i = 0; i < 1000; i++) {
      pages.add(TestChains.page(i));
    }
    write(dir, OptionalInt.empty(), 1000, pages, 10);
    try (ImageChain chain = ImageChain.open(dir)) {
      ResolvedPages resolved = chain.pages(TestChains.NAME);
      ByteBuffer b = ByteBuffer.allocate(PAGE);
      resolved.read(BASE + 537L * PAGE, b);
      assertThat(b.array()).isEqualTo(pages.get(537));
      assertThat(resolved.framesDecompressed()).isEqualTo(1);
      ResolvedPages other = resolved.forAnotherThread();
      for (int i = 0; i < 1000; i++) {
        other.read(BASE + (long) i * PAGE, b.clear());
        assertThat(b.array()).isEqualTo(pages.get(i));
      }
      assertThat(other.framesDecompressed()).isEqualTo(100);
    }
  }

  @Test
  void aChainOf200RoundsResolvesEachPageOnceAndDecompressesEachFrameOnce() throws IOException {
    Path dir = temp.resolve("chain");
    int rounds = 200;
    int count = 400;
    ChainDirectory chain = ChainDirectory.openOrCreate(dir);
    for (int round = 1; round <= rounds; round++) {
      try (RoundWriter w =
          RoundWriter.begin(
              chain, round == 1 ? OptionalInt.empty() : OptionalInt.of(round - 1), FAST)) {
        PagesWriter p = w.pages(TestChains.NAME);
        List<byte[]> present = new ArrayList<>();
        for (int i = 0; i < count; i++) {
          boolean written = round == 1 || i % rounds == round - 1;
          p.entry(BASE + (long) i * PAGE, 1, written ? PageKind.PRESENT : PageKind.PARENT);
          if (written) {
            present.add(TestChains.page(1000L * round + i));
          }
        }
        TestChains.append(p, present, 256);
        p.finish();
        w.mm(TestChains.PID, TestChains.mm(BASE, count));
        w.commit(TestChains.draft(false), TestChains.record(round, 0));
      }
    }
    try (ImageChain images = ImageChain.open(dir)) {
      assertThat(images.rounds()).hasSize(rounds);
      ResolvedPages pages = images.pages(TestChains.NAME);
      ByteBuffer b = ByteBuffer.allocate(PAGE);
      for (int i = 0; i < count; i++) {
        int round = i % rounds + 1;
        assertThat(pages.roundOf(BASE + (long) i * PAGE)).isEqualTo(round);
        assertThat(pages.read(BASE + (long) i * PAGE, b.clear())).isTrue();
        assertThat(b.array()).isEqualTo(TestChains.page(1000L * round + i));
      }
      // pages 0 and 200 of round 1 lie in both of its frames; every later round has one frame
      assertThat(pages.framesDecompressed()).isEqualTo(rounds);
    }
    assertThat(new ChainVerifier(2).verify(dir).problems()).isEmpty();
  }

  @Test
  void aChainOf200RoundsOfLargeFramesKeepsSixteenMebibytesOfThem() throws IOException {
    Path dir = temp.resolve("chain");
    int rounds = 200;
    int runsPerRound = 4;
    int pagesPerRun = 16;
    int count = rounds * runsPerRound * pagesPerRun;
    ChainDirectory chain = ChainDirectory.openOrCreate(dir);
    for (int round = 1; round <= rounds; round++) {
      OptionalInt parent = round == 1 ? OptionalInt.empty() : OptionalInt.of(round - 1);
      try (RoundWriter w = RoundWriter.begin(chain, parent, FAST)) {
        PagesWriter p = w.pages(TestChains.NAME);
        List<byte[]> present = new ArrayList<>();
        for (int run = 0; run < rounds * runsPerRound; run++) {
          int owner = run % rounds + 1;
          if (owner <= round) {
            p.entry(
                BASE + (long) run * pagesPerRun * PAGE,
                pagesPerRun,
                owner == round ? PageKind.PRESENT : PageKind.PARENT);
          }
          for (int i = 0; owner == round && i < pagesPerRun; i++) {
            present.add(TestChains.page((long) run * pagesPerRun + i));
          }
        }
        TestChains.append(p, present, 256);
        p.finish();
        w.mm(TestChains.PID, TestChains.mm(BASE, count));
        w.commit(TestChains.draft(false), TestChains.record(round, 0));
      }
    }
    try (ImageChain images = ImageChain.open(dir)) {
      ResolvedPages pages = images.pages(TestChains.NAME);
      ByteBuffer b = ByteBuffer.allocate(PAGE);
      int most = 0;
      for (int i = 0; i < count; i++) {
        assertThat(pages.read(BASE + (long) i * PAGE, b.clear())).isTrue();
        assertThat(Arrays.equals(b.array(), TestChains.page(i))).isTrue();
        most = Math.max(most, images.cachedBytes());
      }
      // 200 frames of 256 KiB are 50 MiB; all runs in between push a frame out before its next run
      assertThat(most).isBetween(15 << 20, 16 << 20);
      assertThat(pages.framesDecompressed()).isEqualTo((long) rounds * runsPerRound);
    }
  }

  @Test
  void aParentPageThatTheParentDoesNotHoldIsCorrupt() throws IOException {
    Path dir = temp.resolve("chain");
    TestChains.twoRounds(dir);
    ChainDirectory chain = ChainDirectory.openOrCreate(dir);
    try (RoundWriter w = RoundWriter.begin(chain, OptionalInt.of(2))) {
      PagesWriter p = w.pages(TestChains.NAME);
      p.entry(BASE, 3, PageKind.PARENT);
      p.finish();
      w.mm(TestChains.PID, TestChains.mm(BASE, 16));
      w.commit(TestChains.draft(false), TestChains.record(3, 0));
    }
    String detail =
        String.format(
            "record at offset 14: page 0x%x: PARENT, but the parent does not hold it",
            BASE + 2 * PAGE);
    try (ImageChain images = ImageChain.open(dir)) {
      assertThatThrownBy(() -> images.pages(TestChains.NAME))
          .isInstanceOf(ImageCorruptException.class)
          .hasMessage("0003/pagemap-42.img: " + detail);
    }
    assertThat(new ChainVerifier(1).verify(dir).problems())
        .containsExactly(new ChainVerifier.Problem("0003/pagemap-42.img", 14, detail));
  }

  @Test
  void whatADamagedRoundHoldsIsUnknownAndNotNothing() throws IOException {
    Path dir = temp.resolve("chain");
    fourRounds(dir);
    ChainVerifier verifier = new ChainVerifier(1);
    assertThat(verifier.verify(dir).problems()).isEmpty();
    assertThat(verifier.verify(dir).warnings()).isEmpty();
    ChainVerifier.Problem note =
        new ChainVerifier.Problem(
            "0003/pagemap-42.img",
            -1,
            "PARENT pages of damaged rounds not looked up, from here to the next full round");

    Path manifest = dir.resolve("0002/round.img");
    byte[] good = Files.readAllBytes(manifest);
    Files.delete(manifest);
    assertOnlyRound2Accused(verifier.verify(dir), "0002/round.img", note);
    Files.write(manifest, new byte[0]);
    assertOnlyRound2Accused(verifier.verify(dir), "0002/round.img", note);
    Files.write(manifest, good);

    Files.write(dir.resolve("0002/pagemap-42.img"), new byte[0]);
    assertOnlyRound2Accused(verifier.verify(dir), "0002/pagemap-42.img", note);

    new Storage().deleteTree(dir.resolve("0002"));
    assertOnlyRound2Accused(verifier.verify(dir), "0002", note);
  }

  @Test
  void afterAFullRoundParentPagesAreLookedUpAgain() throws IOException {
    Path dir = temp.resolve("chain");
    fourRounds(dir);
    ChainDirectory chain = ChainDirectory.openOrCreate(dir);
    write(dir, OptionalInt.empty(), 1, List.of(TestChains.page(5)), 1);
    try (RoundWriter w = RoundWriter.begin(chain, OptionalInt.of(5))) {
      PagesWriter p = w.pages(TestChains.NAME);
      p.entry(BASE, 2, PageKind.PARENT);
      p.finish();
      w.mm(TestChains.PID, TestChains.mm(BASE, 16));
      w.commit(TestChains.draft(false), TestChains.record(6, 0));
    }
    Files.delete(dir.resolve("0002/round.img"));
    ChainVerifier.Report report = new ChainVerifier(1).verify(dir);
    assertThat(report.problems())
        .extracting(ChainVerifier.Problem::file)
        .containsExactly("0002/round.img", "0006/pagemap-42.img");
    assertThat(report.warnings()).hasSize(1);
  }

  private static void assertOnlyRound2Accused(
      ChainVerifier.Report report, String file, ChainVerifier.Problem note) {
    assertThat(report.problems()).extracting(ChainVerifier.Problem::file).containsExactly(file);
    assertThat(report.warnings()).containsExactly(note);
  }

  /** Two pages in round 1; each later round adds one and leaves the others to its parent. */
  private static void fourRounds(Path dir) throws IOException {
    write(dir, OptionalInt.empty(), 2, List.of(TestChains.page(1), TestChains.page(2)), 2);
    ChainDirectory chain = ChainDirectory.openOrCreate(dir);
    for (int round = 2; round <= 4; round++) {
      try (RoundWriter w = RoundWriter.begin(chain, OptionalInt.of(round - 1))) {
        PagesWriter p = w.pages(TestChains.NAME);
        TestChains.append(p, List.of(TestChains.page(round + 1)), 1);
        p.entry(BASE, round, PageKind.PARENT);
        p.entry(BASE + (long) round * PAGE, 1, PageKind.PRESENT);
        p.finish();
        w.mm(TestChains.PID, TestChains.mm(BASE, 16));
        w.commit(TestChains.draft(false), TestChains.record(round, 0));
      }
    }
  }

  @Test
  void aParentPageOfAFullRoundIsCorrupt() throws IOException {
    Path dir = temp.resolve("chain");
    ChainDirectory chain = ChainDirectory.openOrCreate(dir);
    TestChains.first(chain, new Storage());
    try (RoundWriter w = RoundWriter.begin(chain, OptionalInt.empty())) {
      PagesWriter p = w.pages(TestChains.NAME);
      p.entry(BASE, 1, PageKind.PARENT);
      p.finish();
      w.mm(TestChains.PID, TestChains.mm(BASE, 16));
      w.commit(TestChains.draft(false), TestChains.record(2, 0));
    }
    assertThat(new ChainVerifier(1).verify(dir).problems())
        .extracting(ChainVerifier.Problem::file)
        .containsExactly("0002/pagemap-42.img");
  }

  @Test
  void aReusedPidDoesNotInheritPages() throws IOException {
    Path dir = temp.resolve("chain");
    ChainDirectory chain = ChainDirectory.openOrCreate(dir);
    TestChains.first(chain, new Storage());
    ManifestDraft d = TestChains.draft(false);
    ManifestDraft other =
        new ManifestDraft(
            d.engineVersion(),
            d.kernelRelease(),
            d.bootId(),
            false,
            List.of(new ProcessIdentity(TestChains.PID, TestChains.PID, 999999, "young")),
            d.tracker(),
            List.of(),
            0,
            0,
            List.of(),
            List.of(),
            Optional.empty());
    try (RoundWriter w = RoundWriter.begin(chain, OptionalInt.of(1))) {
      PagesWriter p = w.pages(TestChains.NAME);
      p.entry(BASE, 1, PageKind.PARENT);
      p.finish();
      w.mm(TestChains.PID, TestChains.mm(BASE, 16));
      w.commit(other, TestChains.record(2, 0));
    }
    assertThat(new ChainVerifier(1).verify(dir).problems())
        .extracting(ChainVerifier.Problem::file)
        .containsExactly("0002/pagemap-42.img");
    try (ImageChain images = ImageChain.open(dir)) {
      assertThatThrownBy(() -> images.pages(TestChains.NAME))
          .isInstanceOf(ImageCorruptException.class);
    }
  }

  @Test
  void aSecondRunStandsAsAFullRoundInTheMiddle() throws IOException {
    Path dir = temp.resolve("chain");
    TestChains.twoRounds(dir);
    ChainDirectory chain = ChainDirectory.openOrCreate(dir);
    write(dir, OptionalInt.empty(), 1, List.of(TestChains.page(7)), 1);
    ChainVerifier.Report report = new ChainVerifier(1).verify(dir);
    assertThat(report.problems()).isEmpty();
    assertThat(report.warnings()).isEmpty();
    assertThat(report.rounds()).isEqualTo(3);
    assertThat(report.frames()).isEqualTo(3 + 1 + 1);
    assertThat(report.pages()).isEqualTo(5 + 2 + 1);
    assertThat(chain.nextRound()).isEqualTo(4);
    try (ImageChain images = ImageChain.open(dir)) {
      assertThat(images.rounds()).hasSize(1);
    }
  }

  @Test
  void pagesOutsidePrivateVmasAreFound() throws IOException {
    Path dir = temp.resolve("chain");
    ChainDirectory chain = ChainDirectory.openOrCreate(dir);
    try (RoundWriter w = RoundWriter.begin(chain, OptionalInt.empty())) {
      PagesWriter p = w.pages(TestChains.NAME);
      TestChains.append(p, List.of(TestChains.page(1), TestChains.page(2)), 2);
      p.entry(BASE, 2, PageKind.PRESENT);
      p.finish();
      w.mm(TestChains.PID, TestChains.mm(BASE, 1));
      w.commit(TestChains.draft(false), TestChains.record(1, 0));
    }
    assertThat(new ChainVerifier(1).verify(dir).problems())
        .containsExactly(
            new ChainVerifier.Problem(
                "0001/pagemap-42.img",
                14,
                String.format(
                    "record at offset 14: page 0x%x: not in a private VMA of mm-42.img",
                    BASE + PAGE)));
  }

  private static void write(
      Path dir, OptionalInt parent, int count, List<byte[]> pages, int pagesPerFrame)
      throws IOException {
    ChainDirectory chain = ChainDirectory.openOrCreate(dir);
    try (RoundWriter w = RoundWriter.begin(chain, parent)) {
      PagesWriter p = w.pages(TestChains.NAME);
      TestChains.append(p, pages, pagesPerFrame);
      p.entry(BASE, count, PageKind.PRESENT);
      p.finish();
      w.mm(TestChains.PID, TestChains.mm(BASE, count));
      w.commit(TestChains.draft(false), TestChains.record(1, 0));
    }
  }
}
