package io.predump.images;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.predump.images.ChainVerifier.Problem;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** CRIU's own files in a round: taken whole, covered byte for byte, gone with a failed round. */
class CriuDirectoryTest {
  private static final ChainVerifier VERIFIER = new ChainVerifier(1);
  private static final CriuOrigin ORIGIN = new CriuOrigin("4.2.1", CriuOrigin.Mode.VEIL);

  /** As CRIU calls them; their content is nobody's business here. */
  private static final List<String> NAMES =
      List.of(
          "core-42.img", "fdinfo-2.img", "pages-1.img", "stats-dump", "tmpfs-dev-70.tar.gz.img");

  @TempDir Path temp;
  private Path dir = Path.of("");
  private Path criu = Path.of("");

  @BeforeEach
  void writeChain() throws IOException {
    dir = temp.resolve("chain");
    ChainDirectory chain = ChainDirectory.openOrCreate(dir);
    TestChains.first(chain, new Storage());
    try (RoundWriter w = RoundWriter.begin(chain, OptionalInt.of(1))) {
      writeFiles(w.criuDirectory());
      w.takeCriuFiles();
      commit(w);
    }
    criu = dir.resolve("0002/criu");
    assertThat(problems()).as("control: untouched").isEmpty();
  }

  private static void writeFiles(Path directory) throws IOException {
    for (String name : NAMES) {
      Files.writeString(directory.resolve(name), "of criu: " + name);
    }
  }

  private static Manifest commit(RoundWriter w) throws IOException {
    return w.commit(TestChains.draft(true).withCriu(ORIGIN), TestChains.record(2, 0));
  }

  private List<Problem> problems() throws IOException {
    return VERIFIER.verify(dir).problems();
  }

  private void assertNamed(String file, String message) throws IOException {
    assertThat(problems()).containsExactly(new Problem(file, -1, message));
  }

  private void assertRefusedByReaders(String message) {
    assertThatThrownBy(() -> ImageChain.open(dir).close())
        .isInstanceOf(ImageCorruptException.class)
        .hasMessage(message);
  }

  @Test
  void theManifestListsEveryFileAndNamesTheCriu() throws IOException {
    try (ImageChain chain = ImageChain.open(dir)) {
      Manifest m = chain.newest().manifest();
      assertThat(m.criu()).contains(ORIGIN);
      assertThat(m.smallFiles().stream().map(SmallFile::name))
          .containsExactlyElementsOf(NAMES.stream().map(n -> "criu/" + n).toList());
      assertThat(m.smallFiles().get(0).bytes()).isEqualTo("of criu: core-42.img".length());
      assertThat(chain.rounds().get(0).manifest().criu()).isEmpty();
    }
  }

  @Test
  void directoryAndFilesAreTheOwnersAlone() throws IOException {
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(criu)))
        .isEqualTo("rwx------");
    for (String name : NAMES) {
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(criu.resolve(name))))
          .as(name)
          .isEqualTo("rw-------");
    }
  }

  @Test
  void everyFlippedByteIsFoundAndItsFileNamed() throws IOException {
    int flips = 0;
    for (String name : NAMES) {
      try (FileChannel channel =
          FileChannel.open(criu.resolve(name), StandardOpenOption.READ, StandardOpenOption.WRITE)) {
        for (int i = 0; i < channel.size(); i++) {
          ByteBuffer b = ByteBuffer.allocate(1);
          channel.read(b, i);
          byte good = b.get(0);
          channel.write(ByteBuffer.wrap(new byte[] {(byte) (good ^ (1 << (i % 8)))}), i);
          assertThat(problems())
              .singleElement()
              .satisfies(p -> assertThat(p.file()).isEqualTo("0002/criu/" + name));
          channel.write(ByteBuffer.wrap(new byte[] {good}), i);
          flips++;
        }
      }
    }
    assertThat(flips).isGreaterThan(100);
    assertThat(problems()).isEmpty();
  }

  @Test
  void missingTruncatedGrownAndReplacedFilesAreFoundByVerifierAndReaders() throws IOException {
    for (String name : NAMES) {
      Path file = criu.resolve(name);
      String label = "0002/criu/" + name;
      byte[] good = Files.readAllBytes(file);

      Files.delete(file);
      assertNamed(label, "missing");
      assertRefusedByReaders(label + ": missing");

      Files.createSymbolicLink(file, temp.resolve("elsewhere"));
      Files.write(temp.resolve("elsewhere"), good);
      assertNamed(label, "not a regular file");
      assertRefusedByReaders(label + ": not a regular file");
      Files.delete(file);

      Files.write(file, new byte[] {1});
      String sizes = "bytes expected=" + good.length + " actual=1";
      assertNamed(label, sizes);
      assertRefusedByReaders(label + ": " + sizes);

      Files.write(file, good);
      assertThat(problems()).isEmpty();
    }
  }

  @Test
  void aFileNobodyListsIsFound() throws IOException {
    Files.writeString(criu.resolve("pages-2.img"), "x");
    assertNamed("0002/criu/pages-2.img", "not in the manifest");
    Files.delete(criu.resolve("pages-2.img"));
    Files.createDirectory(criu.resolve("deeper"));
    assertNamed("0002/criu/deeper", "not in the manifest");
    Files.delete(criu.resolve("deeper"));
    Files.createDirectory(dir.resolve("0001/criu"));
    assertNamed("0001/criu", "not in the manifest");
  }

  @Test
  void aLinkInPlaceOfTheDirectoryIsNotFollowed() throws IOException {
    Path aside = temp.resolve("aside");
    Files.move(criu, aside);
    Files.createSymbolicLink(criu, aside);
    assertThat(problems())
        .hasSize(NAMES.size())
        .contains(new Problem("0002/criu", -1, "not a directory"));
    assertRefusedByReaders("0002/criu: not a directory");
    Files.delete(criu);
    assertRefusedByReaders("0002/criu: missing");
  }

  @Test
  void anOrdinaryDamageInASmallFileIsFoundWhenTheChainIsOpened() throws IOException {
    byte[] good = Files.readAllBytes(criu.resolve("core-42.img"));
    good[0] ^= 1;
    Files.write(criu.resolve("core-42.img"), good);
    assertThatThrownBy(() -> ImageChain.open(dir).close())
        .isInstanceOf(ImageCorruptException.class)
        .hasMessageStartingWith("0002/criu/core-42.img: sha256 expected=");
  }

  /** Each refusal, and that the chain is as it was afterwards. */
  @Test
  void whatIsNotCriusIsRefusedAndTheRoundLeavesNothing() throws IOException {
    refused("/chain/.0003.partial/criu: empty: criu wrote nothing", d -> {});
    refused("core: not a regular file", d -> Files.createDirectory(d.resolve("core")));
    refused(
        "link: not a regular file",
        d -> Files.createSymbolicLink(d.resolve("link"), Path.of("/etc/passwd")));
    refused(".hidden: not a name of criu's", d -> Files.writeString(d.resolve(".hidden"), "x"));
    refused("a b: not a name of criu's", d -> Files.writeString(d.resolve("a b"), "x"));
    refused(
        "x".repeat(129) + ": not a name of criu's",
        d -> Files.writeString(d.resolve("x".repeat(129)), "x"));
  }

  private interface Content {
    void write(Path directory) throws IOException;
  }

  private void refused(String message, Content content) throws IOException {
    ChainDirectory chain = ChainDirectory.openOrCreate(dir);
    try (RoundWriter w = RoundWriter.begin(chain, OptionalInt.of(2))) {
      content.write(w.criuDirectory());
      assertThatThrownBy(w::takeCriuFiles)
          .isInstanceOf(IOException.class)
          .hasMessageEndingWith(message);
    }
    assertThat(ChainDirectory.entries(dir).stream().map(p -> p.getFileName().toString()))
        .containsExactly("0001", "0002", "latest");
  }

  @Test
  void aRoundWhoseDiskFailsLeavesNothing() throws IOException {
    for (String failing :
        List.of(
            "mkdir .0003.partial/criu",
            "fsync .0003.partial/criu/core-42.img",
            "fsync .0003.partial/criu",
            "write .0003.partial/round.img")) {
      List<String> seen = new ArrayList<>();
      try (DiskActs acts =
          DiskActs.watch(
              (act, path) -> {
                seen.add(act + " " + dir.relativize(path));
                if (seen.get(seen.size() - 1).equals(failing)) {
                  throw new IOException("No space left on device");
                }
              })) {
        ChainDirectory chain = ChainDirectory.openOrCreate(dir);
        try (RoundWriter w = RoundWriter.begin(chain, OptionalInt.of(2))) {
          assertThatThrownBy(
                  () -> {
                    writeFiles(w.criuDirectory());
                    w.takeCriuFiles();
                    commit(w);
                  })
              .isInstanceOf(IOException.class)
              .hasMessageEndingWith("No space left on device");
        }
      }
      assertThat(seen).contains(failing);
      assertThat(ChainDirectory.entries(dir).stream().map(p -> p.getFileName().toString()))
          .as(failing)
          .containsExactly("0001", "0002", "latest");
    }
  }

  @Test
  void everyFileAndTheDirectoryAreDurableBeforeTheRoundHasItsName() throws IOException {
    List<String> seen = new ArrayList<>();
    try (DiskActs acts =
        DiskActs.watch((act, path) -> seen.add(act + " " + dir.relativize(path)))) {
      ChainDirectory chain = ChainDirectory.openOrCreate(dir);
      try (RoundWriter w = RoundWriter.begin(chain, OptionalInt.of(2))) {
        writeFiles(w.criuDirectory());
        w.takeCriuFiles();
        commit(w);
      }
    }
    List<String> before = seen.subList(0, seen.indexOf("rename .0003.partial"));
    for (String name : NAMES) {
      assertThat(before).contains("fsync .0003.partial/criu/" + name);
    }
    assertThat(before).contains("fsync .0003.partial/criu");
  }

  @Test
  void anAbandonedRoundIsSweptWithItsDirectory() throws IOException {
    Path partial = dir.resolve(".0003.partial/criu");
    Files.createDirectories(partial);
    writeFiles(partial);
    assertThat(ChainDirectory.openOrCreate(dir).sweepPartials()).containsExactly(".0003.partial");
    assertThat(dir.resolve(".0003.partial")).doesNotExist();
  }

  @Test
  void filesAndOriginComeTogetherOrNotAtAll() throws IOException {
    ChainDirectory chain = ChainDirectory.openOrCreate(dir);
    try (RoundWriter w = RoundWriter.begin(chain, OptionalInt.of(2))) {
      assertThatThrownBy(() -> commit(w))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageStartingWith("criu: NONE, but criu=Optional[");
      assertThatThrownBy(w::takeCriuFiles).isInstanceOf(IllegalStateException.class);
      Path directory = w.criuDirectory();
      assertThat(directory).isAbsolute();
      assertThatThrownBy(w::criuDirectory).isInstanceOf(IllegalStateException.class);
      writeFiles(directory);
      assertThatThrownBy(() -> commit(w))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageStartingWith("criu: BEING_WRITTEN, but criu=Optional[");
      w.takeCriuFiles();
      assertThatThrownBy(w::takeCriuFiles).isInstanceOf(IllegalStateException.class);
      assertThatThrownBy(() -> w.commit(TestChains.draft(true), TestChains.record(3, 0)))
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("criu: TAKEN, but criu=Optional.empty");
      commit(w);
    }
    assertThat(problems()).isEmpty();
  }
}
