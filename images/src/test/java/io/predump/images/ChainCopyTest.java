package io.predump.images;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.predump.images.RawImages.TakeOver;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A copied chain needs nothing of the one it was made of, and what lies near is not copied. */
class ChainCopyTest {
  @TempDir Path temp;
  private Path dir = Path.of("");
  private Path first = Path.of("");
  private Path second = Path.of("");

  @BeforeEach
  void makeChain() throws IOException {
    dir = temp.resolve("chain");
    first = temp.resolve("first");
    second = temp.resolve("second");
    TestChains.twoRounds(dir);
  }

  private long copy(int round, Path to, Optional<Path> near, TakeOver takeOver) throws IOException {
    try (ImageChain chain = ImageChain.open(dir, round)) {
      return ChainCopy.write(chain, to, near, takeOver);
    }
  }

  /** A bit of the first frame. */
  private static void flip(Path pages) throws IOException {
    byte[] bytes = Files.readAllBytes(pages);
    bytes[20] ^= 1;
    Files.write(pages, bytes);
  }

  private static Object inode(Path file) throws IOException {
    return Files.getAttribute(file, "unix:ino");
  }

  private void assertWhole(Path copy) throws IOException {
    TestChains.copy(dir, temp.resolve("aside"));
    Storage.disk.deleteTree(dir);
    assertThat(new ChainVerifier(1).verify(copy).problems()).isEmpty();
    assertThat(TestChains.read(copy, TestChains.NAME))
        .usingRecursiveComparison()
        .isEqualTo(TestChains.expectedPages());
    assertThat(Files.readSymbolicLink(copy.resolve("latest"))).hasToString("0002");
  }

  @Test
  void aCopyStandsAlone() throws IOException {
    assertThat(copy(2, second, Optional.empty(), TakeOver.COPY)).isPositive();

    assertThat(inode(second.resolve("0001/round.img")))
        .isNotEqualTo(inode(dir.resolve("0001/round.img")));
    assertWhole(second);
  }

  @Test
  void linksCostNothing() throws IOException {
    assertThat(copy(2, second, Optional.empty(), TakeOver.LINK)).isZero();
    assertWhole(second);
  }

  @Test
  void aRoundThatLiesNearIsLinkedToAndOnlyTheNewOneIsCopied() throws IOException {
    long one = copy(1, first, Optional.empty(), TakeOver.COPY);
    long whole = copy(2, temp.resolve("whole"), Optional.empty(), TakeOver.COPY);

    assertThat(copy(2, second, Optional.of(first), TakeOver.COPY)).isEqualTo(whole - one);

    assertThat(inode(second.resolve("0001/round.img")))
        .isEqualTo(inode(first.resolve("0001/round.img")));
    assertWhole(second);
  }

  /** Linking to the chain itself costs a reader nothing, so nothing else is looked at. */
  @Test
  void whatCanBeLinkedToInTheChainIsNotLookedForNear() throws IOException {
    copy(1, first, Optional.empty(), TakeOver.COPY);

    assertThat(copy(2, second, Optional.of(first), TakeOver.LINK)).isZero();

    assertThat(inode(second.resolve("0001/round.img")))
        .isEqualTo(inode(dir.resolve("0001/round.img")));
    assertWhole(second);
  }

  /** No link leads to another file system: what lies near spares copying it under a freeze. */
  @Test
  void whereTheChainCannotBeLinkedToOnlyWhatIsNotNearIsCopied() throws IOException {
    Path memory = Path.of("/dev/shm");
    assumeTrue(
        Files.isWritable(memory) && !Files.getFileStore(memory).equals(Files.getFileStore(temp)),
        "skipped: no second file system at /dev/shm");
    Path elsewhere = Files.createTempDirectory(memory, "chain-copy");
    dir = elsewhere.resolve("chain");
    try {
      TestChains.twoRounds(dir);
      long one = copy(1, first, Optional.empty(), TakeOver.LINK);
      long whole = copy(2, temp.resolve("whole"), Optional.empty(), TakeOver.LINK);

      assertThat(one).as("copied, for it could not be linked to").isPositive();
      assertThat(copy(2, second, Optional.of(first), TakeOver.LINK)).isEqualTo(whole - one);
      assertThat(inode(second.resolve("0001/round.img")))
          .isEqualTo(inode(first.resolve("0001/round.img")));
      assertWhole(second);
    } finally {
      Storage.disk.deleteTree(elsewhere);
    }
  }

  /** The control: what lies near under that number is another's. */
  @Test
  void aStrangersRoundOfThatNumberIsNotTaken() throws IOException {
    long whole = copy(2, temp.resolve("whole"), Optional.empty(), TakeOver.COPY);
    try (RoundWriter w =
        RoundWriter.begin(ChainDirectory.openOrCreate(first), OptionalInt.empty(), new Storage())) {
      w.commit(TestChains.draft(true), sync -> TestChains.record(1, sync));
    }

    assertThat(copy(2, second, Optional.of(first), TakeOver.COPY)).isEqualTo(whole);
    assertWhole(second);
  }

  @Test
  void aDamagedChainIsNotPassedOn() throws IOException {
    flip(dir.resolve("0001/pages-1.img.zst"));

    assertThatThrownBy(() -> copy(2, second, Optional.empty(), TakeOver.COPY))
        .isInstanceOf(ImageException.class);
  }

  @Test
  void whatIsDamagedNearComesFromTheChain() throws IOException {
    copy(1, first, Optional.empty(), TakeOver.COPY);
    flip(first.resolve("0001/pages-1.img.zst"));

    assertThat(copy(2, second, Optional.of(first), TakeOver.COPY)).isPositive();
    assertWhole(second);
  }

  @Test
  void whatIsMissingNearComesFromTheChain() throws IOException {
    copy(1, first, Optional.empty(), TakeOver.COPY);
    Files.delete(first.resolve("0001/pages-1.img.zst"));

    assertThat(copy(2, second, Optional.of(first), TakeOver.COPY)).isPositive();
    assertWhole(second);
  }

  @Test
  void besideImagesItReplacesAnOlderChainAndNothingElse() throws IOException {
    Path target = Files.createDirectory(temp.resolve("target"));
    for (int round = 1; round <= 2; round++) {
      try (DirectoryFill fill = DirectoryFill.begin(target)) {
        copy(round, fill.path().resolve(DirectoryFill.CHAIN), Optional.empty(), TakeOver.COPY);
        Files.writeString(fill.path().resolve("inventory.img"), "round " + round);
        fill.commit(Optional.empty());
      }
    }
    assertWhole(target.resolve(DirectoryFill.CHAIN));

    Path theirs =
        Files.writeString(target.resolve(DirectoryFill.CHAIN).resolve("letter"), "theirs");
    assertThatThrownBy(() -> DirectoryFill.begin(target))
        .isInstanceOf(ForeignImagesException.class);
    assertThat(theirs).hasContent("theirs");
    assertThat(target.resolve("inventory.img")).hasContent("round 2");

    Files.delete(theirs);
    try (DirectoryFill fill = DirectoryFill.begin(target)) {
      Files.writeString(fill.path().resolve("inventory.img"), "raw");
      fill.commit(Optional.empty());
    }
    assertThat(target.resolve(DirectoryFill.CHAIN)).doesNotExist();
  }
}
