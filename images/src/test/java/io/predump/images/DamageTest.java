package io.predump.images;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;

import io.predump.images.ChainVerifier.Problem;
import io.predump.images.ChainVerifier.Report;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every way a file of a small two-round chain can be wrong is found, and the file named. */
class DamageTest {
  private static final ChainVerifier VERIFIER = new ChainVerifier(1);

  @TempDir Path temp;
  private Path dir = Path.of("");

  @BeforeEach
  void writeChain() throws IOException {
    dir = temp.resolve("chain");
    TestChains.twoRounds(dir);
    assertThat(VERIFIER.verify(dir).problems()).as("control: untouched").isEmpty();
  }

  /** Each test restores what it damaged, which proves that the damage was what was found. */
  private void assertUntouchedIsClean() throws IOException {
    Report report = VERIFIER.verify(dir);
    assertThat(report.problems()).isEmpty();
    assertThat(report.warnings()).isEmpty();
  }

  private boolean restored = true;

  @AfterEach
  void controlAfterwards() throws IOException {
    if (restored) {
      assertUntouchedIsClean();
    }
  }

  private List<Path> regularFiles() throws IOException {
    List<Path> files = new ArrayList<>();
    for (Path f : TestChains.files(dir)) {
      if (!Files.isSymbolicLink(dir.resolve(f))) {
        files.add(f);
      }
    }
    return files;
  }

  private void assertNamed(Path file, String damage) throws IOException {
    List<Problem> problems = VERIFIER.verify(dir).problems();
    if (problems.stream().noneMatch(p -> p.file().equals(file.toString()))) {
      fail("%s: %s: not found; problems=%s", file, damage, problems);
    }
  }

  @Test
  void theChainIsSmallAndHasEveryKindOfFile() throws IOException {
    long total = 0;
    for (Path f : regularFiles()) {
      total += Files.size(dir.resolve(f));
    }
    assertThat(total).isBetween(1000L, 20L * 1024);
    assertThat(TestChains.files(dir).stream().map(Path::toString))
        .containsExactly(
            "0001/inventory.img",
            "0001/mm-42.img",
            "0001/pagemap-42.img",
            "0001/pagemap-shmem-9.img",
            "0001/pages-1.img.zst",
            "0001/pages-2.img.zst",
            "0001/round.img",
            "0001/stats-dump",
            "0002/inventory.img",
            "0002/mm-42.img",
            "0002/pagemap-42.img",
            "0002/pagemap-shmem-9.img",
            "0002/pages-1.img.zst",
            "0002/pages-2.img.zst",
            "0002/parent",
            "0002/round.img",
            "0002/stats-dump",
            "latest");
  }

  @Test
  void everyFlippedByteIsFoundAndItsFileNamed() throws IOException {
    int flips = 0;
    for (Path f : regularFiles()) {
      try (FileChannel channel =
          FileChannel.open(dir.resolve(f), StandardOpenOption.READ, StandardOpenOption.WRITE)) {
        int size = (int) channel.size();
        for (int i = 0; i < size; i++) {
          ByteBuffer b = ByteBuffer.allocate(1);
          channel.read(b, i);
          byte good = b.get(0);
          channel.write(ByteBuffer.wrap(new byte[] {(byte) (good ^ (1 << (i % 8)))}), i);
          assertNamed(f, "flip at " + i);
          channel.write(ByteBuffer.wrap(new byte[] {good}), i);
          flips++;
        }
      }
    }
    assertThat(flips).isGreaterThan(1000);
  }

  @Test
  void everyTruncationIsFoundAndTheFileNamed() throws IOException {
    for (Path f : regularFiles()) {
      byte[] good = Files.readAllBytes(dir.resolve(f));
      try (FileChannel channel = FileChannel.open(dir.resolve(f), StandardOpenOption.WRITE)) {
        for (int length = good.length - 1; length >= 0; length--) {
          channel.truncate(length);
          assertNamed(f, "truncated to " + length);
        }
        channel.write(ByteBuffer.wrap(good), 0);
      }
    }
  }

  @Test
  void appendedBytesAreFound() throws IOException {
    for (Path f : regularFiles()) {
      byte[] good = Files.readAllBytes(dir.resolve(f));
      Files.write(dir.resolve(f), new byte[1], StandardOpenOption.APPEND);
      assertNamed(f, "a byte appended");
      Files.write(dir.resolve(f), good);
    }
  }

  @Test
  void everyRemovedFileIsFound() throws IOException {
    for (Path f : TestChains.files(dir)) {
      Path aside = temp.resolve("aside");
      Files.move(dir.resolve(f), aside);
      if (f.toString().equals("latest")) {
        Report report = VERIFIER.verify(dir);
        assertThat(report.problems()).isEmpty();
        assertThat(report.warnings()).containsExactly(new Problem("latest", -1, "missing"));
      } else {
        assertNamed(f, "removed");
      }
      Files.move(aside, dir.resolve(f));
    }
  }

  @Test
  void everyFileReplacedByADirectoryOrALinkToItselfIsFound() throws IOException {
    for (Path f : regularFiles()) {
      Path aside = temp.resolve("aside");
      Files.move(dir.resolve(f), aside);
      Files.createDirectory(dir.resolve(f));
      assertNamed(f, "a directory");
      Files.delete(dir.resolve(f));
      Files.createSymbolicLink(dir.resolve(f), aside);
      assertNamed(f, "a symlink to the good file");
      Files.delete(dir.resolve(f));
      Files.move(aside, dir.resolve(f));
    }
  }

  @Test
  void anyTwoSwappedFilesAreFound() throws IOException {
    List<Path> files = regularFiles();
    for (int i = 0; i < files.size(); i++) {
      for (int j = i + 1; j < files.size(); j++) {
        byte[] a = Files.readAllBytes(dir.resolve(files.get(i)));
        byte[] b = Files.readAllBytes(dir.resolve(files.get(j)));
        if (Arrays.equals(a, b)) {
          continue;
        }
        Files.write(dir.resolve(files.get(i)), b);
        Files.write(dir.resolve(files.get(j)), a);
        assertThat(VERIFIER.verify(dir).problems())
            .as("%s <-> %s", files.get(i), files.get(j))
            .isNotEmpty();
        Files.write(dir.resolve(files.get(i)), a);
        Files.write(dir.resolve(files.get(j)), b);
      }
    }
  }

  @Test
  void swappedRoundsAreFound() throws IOException {
    Path aside = dir.resolve("aside");
    Files.move(dir.resolve("0001"), aside);
    Files.move(dir.resolve("0002"), dir.resolve("0001"));
    Files.move(aside, dir.resolve("0002"));
    assertThat(VERIFIER.verify(dir).problems())
        .contains(
            new Problem("0001/round.img", -1, "round expected=1 actual=2"),
            new Problem("0002/round.img", -1, "round expected=2 actual=1"));
    Files.move(dir.resolve("0002"), aside);
    Files.move(dir.resolve("0001"), dir.resolve("0002"));
    Files.move(aside, dir.resolve("0001"));
  }

  @Test
  void aRetargetedOrDanglingParentIsFound() throws IOException {
    Path link = dir.resolve("0002/parent");
    for (String target :
        List.of("../0002", "../0009", "../0001/", "../../chain/0001", "0001", dir + "/0001")) {
      Files.delete(link);
      Files.createSymbolicLink(link, Path.of(target));
      if (target.equals("../0001/")) {
        continue; // the JDK strips the slash
      }
      assertThat(VERIFIER.verify(dir).problems())
          .containsExactly(
              new Problem("0002/parent", -1, "target expected=../0001 actual=" + target));
      assertThatThrownBy(() -> ImageChain.open(dir))
          .isInstanceOf(ImageCorruptException.class)
          .hasMessage("0002/parent: target expected=../0001 actual=" + target);
    }
    Files.delete(link);
    Files.writeString(link, "../0001");
    assertThat(VERIFIER.verify(dir).problems())
        .containsExactly(new Problem("0002/parent", -1, "not a symbolic link"));
    Files.delete(link);
    Files.createSymbolicLink(link, Path.of("../0001"));
  }

  @Test
  void aParentOfAFullRoundIsFound() throws IOException {
    Path link = dir.resolve("0001/parent");
    Files.createSymbolicLink(link, Path.of("../0002"));
    assertThat(VERIFIER.verify(dir).problems())
        .containsExactly(new Problem("0001/parent", -1, "a full round has no parent"));
    Files.delete(link);
  }

  @Test
  void aRetargetedOrDanglingLatestIsFoundAndAnOlderOneIsAWarning() throws IOException {
    Path link = dir.resolve("latest");
    for (String target : List.of("0003", "./0002", "../chain/0002", "/tmp", ".0002.partial")) {
      Files.delete(link);
      Files.createSymbolicLink(link, Path.of(target));
      assertThat(VERIFIER.verify(dir).problems())
          .containsExactly(new Problem("latest", -1, "target=" + target + ": not a round"));
    }
    Files.delete(link);
    Files.createSymbolicLink(link, Path.of("0001"));
    Report older = VERIFIER.verify(dir);
    assertThat(older.problems()).isEmpty();
    assertThat(older.warnings())
        .containsExactly(new Problem("latest", -1, "target=0001: not the newest round"));
    Files.delete(link);
    Files.writeString(link, "0002");
    assertThat(VERIFIER.verify(dir).problems())
        .containsExactly(new Problem("latest", -1, "not a symbolic link"));
    Files.delete(link);
    Files.createSymbolicLink(link, Path.of("0002"));
  }

  @Test
  void anUnknownFileOrLinkAnywhereIsFound() throws IOException {
    for (String name : List.of("notes.txt", "0001/extra.img", "0002/.hidden", "00003", "3")) {
      Files.writeString(dir.resolve(name), "x");
      assertNamed(Path.of(name), "added");
      Files.delete(dir.resolve(name));
      Files.createSymbolicLink(dir.resolve(name), Path.of("0001"));
      assertNamed(Path.of(name), "link added");
      Files.delete(dir.resolve(name));
    }
    Files.createSymbolicLink(dir.resolve("0003"), Path.of("0002"));
    assertThat(VERIFIER.verify(dir).problems())
        .contains(new Problem("0003", -1, "not a directory"));
    Files.delete(dir.resolve("0003"));
  }

  @Test
  void anUncommittedRoundIsAWarning() throws IOException {
    Files.createDirectory(dir.resolve(".0003.partial"));
    Report report = VERIFIER.verify(dir);
    assertThat(report.problems()).isEmpty();
    assertThat(report.warnings())
        .containsExactly(new Problem(".0003.partial", -1, "a round that was never committed"));
    Files.delete(dir.resolve(".0003.partial"));
  }

  @Test
  void aGapIsFoundByVerifierAndReaders() throws IOException {
    Files.move(dir.resolve("0001"), temp.resolve("aside"));
    assertThat(VERIFIER.verify(dir).problems()).contains(new Problem("0001", -1, "round missing"));
    assertThatThrownBy(() -> ChainDirectory.open(dir).roundNumbers())
        .isInstanceOf(ImageCorruptException.class)
        .hasMessage(dir.resolve("0001") + ": round missing");
    assertThatThrownBy(() -> ImageChain.open(dir)).isInstanceOf(ImageCorruptException.class);
    Files.move(temp.resolve("aside"), dir.resolve("0001"));
  }

  @Test
  void aNumberedDirectoryWithoutManifestIsCorrupt() throws IOException {
    Files.createDirectory(dir.resolve("0003"));
    assertThatThrownBy(() -> ChainDirectory.open(dir).roundNumbers())
        .isInstanceOf(ImageCorruptException.class)
        .hasMessage("0003/round.img: missing");
    assertThat(VERIFIER.verify(dir).problems())
        .contains(new Problem("0003/round.img", -1, "missing"));
    Files.delete(dir.resolve("0003"));
  }

  @Test
  void anotherParentOfTheSameNumberIsFound() throws IOException {
    restored = false;
    Path other = temp.resolve("other");
    ChainDirectory chain = ChainDirectory.openOrCreate(other);
    try (RoundWriter w = RoundWriter.begin(chain, OptionalInt.empty())) {
      w.commit(TestChains.draft(false), TestChains.record(1, 5));
    }
    new Storage().deleteTree(dir.resolve("0001"));
    TestChains.copy(other.resolve("0001"), dir.resolve("0001"));
    assertNamed(Path.of("0001/round.img"), "another chain's round 1");
    assertThatThrownBy(() -> ImageChain.open(dir))
        .isInstanceOf(ImageCorruptException.class)
        .hasMessageStartingWith("0001/round.img: sha256 expected by round 2=");
  }

  @Test
  void unknownVersionsAreToldFromDamage() throws IOException {
    Path file = dir.resolve("0002/round.img");
    byte[] good = Files.readAllBytes(file);
    Files.write(file, signedVersion(good, 2));
    assertThatThrownBy(() -> ImageChain.open(dir))
        .isInstanceOf(ImageTooNewException.class)
        .hasMessage("0002/round.img: format version=2: too new, this program reads up to 1");
    assertNamed(Path.of("0002/round.img"), "too new");
    Files.write(file, signedVersion(good, 0));
    assertThatThrownBy(() -> ImageChain.open(dir))
        .isInstanceOf(ImageTooOldException.class)
        .hasMessage("0002/round.img: format version=0: too old, this program reads from 1");
    assertNamed(Path.of("0002/round.img"), "too old");
    byte[] unsigned = good.clone();
    unsigned[8] = 2;
    Files.write(file, unsigned);
    assertThatThrownBy(() -> ImageChain.open(dir)).isInstanceOf(ImageCorruptException.class);
    Files.write(file, signedVersion(good, 1));
  }

  private static byte[] signedVersion(byte[] file, int version) {
    byte[] b = file.clone();
    ByteBuffer.wrap(b).order(ByteOrder.LITTLE_ENDIAN).putInt(8, version);
    MessageDigest sha = Digests.sha256();
    sha.update(b, 0, b.length - 32);
    System.arraycopy(sha.digest(), 0, b, b.length - 32, 32);
    return b;
  }
}
