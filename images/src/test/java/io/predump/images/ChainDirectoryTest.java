package io.predump.images;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ChainDirectoryTest {
  @TempDir Path temp;

  @Test
  void makesTheDirectoryButNotItsParent() throws IOException {
    Path dir = temp.resolve("absent/chain");
    assertThatThrownBy(() -> ChainDirectory.openOrCreate(dir))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessage(temp.resolve("absent") + ": No such directory");
    assertThat(temp.resolve("absent")).doesNotExist();
    assertThatThrownBy(() -> ChainDirectory.open(dir))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessage(dir + ": No such directory");
    Files.createDirectory(temp.resolve("absent"));
    ChainDirectory chain = ChainDirectory.openOrCreate(dir);
    assertThat(dir).isDirectory();
    assertThat(chain.roundNumbers()).isEmpty();
    assertThat(chain.nextRound()).isEqualTo(1);
    assertThat(chain.newestManifest()).isEmpty();
  }

  @Test
  void aFileIsNotADirectory() throws IOException {
    Path file = Files.writeString(temp.resolve("file"), "x");
    assertThatThrownBy(() -> ChainDirectory.openOrCreate(file))
        .isInstanceOf(NotDirectoryException.class)
        .hasMessage(file.toString());
    assertThatThrownBy(() -> ChainDirectory.open(file)).isInstanceOf(NotDirectoryException.class);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "notes.txt",
        "0001",
        "latest",
        "1",
        "00001",
        "0000",
        ".0001.partial",
        ".partial",
        "00010"
      })
  void refusesForeignFilesAndLeavesThemAlone(String name) throws IOException {
    Path file = Files.writeString(temp.resolve(name), "precious");
    assertThatThrownBy(() -> ChainDirectory.openOrCreate(temp))
        .isInstanceOf(ForeignImagesException.class)
        .hasMessage(file + ": not part of a chain: choose an empty or a new images directory");
    assertThat(file).hasContent("precious");
    assertThat(ChainDirectory.entries(temp)).containsExactly(file);
  }

  @ParameterizedTest
  @ValueSource(strings = {"stuff", "latest", "1", "00001", "0000", "12345678901"})
  void refusesForeignDirectories(String name) throws IOException {
    Files.createDirectory(temp.resolve(name));
    assertThatThrownBy(() -> ChainDirectory.openOrCreate(temp))
        .isInstanceOf(ForeignImagesException.class);
    assertThat(temp.resolve(name)).isDirectory();
  }

  @Test
  void whatWasMadeOfARoundMayLieBesideIt() throws IOException {
    TestChains.twoRounds(temp.resolve("chain"));
    Path dir = temp.resolve("chain");
    Files.createDirectory(ChainDirectory.expansionPath(dir, 2));
    assertThat(dir.resolve("0002.criu")).isDirectory();

    ChainDirectory chain = ChainDirectory.openOrCreate(dir);
    assertThat(chain.roundNumbers()).containsExactly(1, 2);
    assertThat(chain.sweepPartials()).isEmpty();
    assertThat(new ChainVerifier(1).verify(dir).problems()).isEmpty();

    Files.createDirectory(dir.resolve("2.criu"));
    assertThatThrownBy(() -> ChainDirectory.openOrCreate(dir))
        .isInstanceOf(ForeignImagesException.class)
        .hasMessageContaining("2.criu");
    assertThat(new ChainVerifier(1).verify(dir).problems()).hasSize(1);
  }

  @Test
  void sweepsPartialsAndNothingElseAndFollowsNoLinks() throws IOException {
    TestChains.twoRounds(temp.resolve("chain"));
    Path dir = temp.resolve("chain");
    List<Path> before = TestChains.files(dir);
    Path outside = Files.createDirectory(temp.resolve("outside"));
    Files.writeString(outside.resolve("precious"), "x");
    Files.createDirectories(dir.resolve(".0003.partial/sub"));
    Files.writeString(dir.resolve(".0003.partial/sub/pages-1.img.zst"), "x");
    Files.createSymbolicLink(dir.resolve(".0003.partial/parent"), Path.of("../0002"));
    Files.createSymbolicLink(dir.resolve(".0003.partial/out"), outside);
    Files.createSymbolicLink(dir.resolve(".0004.partial"), outside);
    Files.createDirectory(dir.resolve(".0002.criu.partial"));
    ChainDirectory chain = ChainDirectory.openOrCreate(dir);
    assertThat(chain.sweepPartials())
        .containsExactly(".0002.criu.partial", ".0003.partial", ".0004.partial");
    assertThat(chain.sweepPartials()).isEmpty();
    assertThat(TestChains.files(dir)).isEqualTo(before);
    assertThat(outside.resolve("precious")).hasContent("x");
    assertThatThrownBy(() -> ChainDirectory.open(dir).sweepPartials())
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void theChainOfAnotherProcessOrBootIsForeign() throws IOException {
    Path dir = temp.resolve("chain");
    ChainDirectory empty = ChainDirectory.openOrCreate(dir);
    ProcessIdentity same = new ProcessIdentity(42, 42, 123456, "renamed");
    assertThatCode(() -> empty.requireChainOf(same, "any")).doesNotThrowAnyException();
    TestChains.first(empty, new Storage());
    ChainDirectory chain = ChainDirectory.openOrCreate(dir);
    assertThatCode(() -> chain.requireChainOf(same, TestChains.BOOT_ID)).doesNotThrowAnyException();
    assertThatThrownBy(
            () ->
                chain.requireChainOf(
                    new ProcessIdentity(42, 42, 123457, "writer"), TestChains.BOOT_ID))
        .isInstanceOf(ForeignImagesException.class)
        .hasMessage(
            dir
                + ": chain of another process: expected pid=42 startTimeTicks=123457, actual pid=42"
                + " startTimeTicks=123456");
    assertThatThrownBy(() -> chain.requireChainOf(same, "other"))
        .isInstanceOf(ForeignImagesException.class)
        .hasMessage(
            dir + ": chain of another boot: bootId expected=other actual=" + TestChains.BOOT_ID);
  }

  @Test
  void roundNamesAreCanonical() {
    for (String good : List.of("0001", "0099", "9999", "10000", "123456789")) {
      assertThat(ChainDirectory.isRoundName(good)).as(good).isTrue();
    }
    for (String bad :
        List.of("", "1", "0000", "00001", "010000", "9999999999", "-001", "0001 ", "٠٠٠١")) {
      assertThat(ChainDirectory.isRoundName(bad)).as(bad).isFalse();
    }
    assertThat(ChainDirectory.roundName(12345)).isEqualTo("12345");
  }
}
