package io.predump.images;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What comes into somebody's directory is there whole or not at all. */
class DirectoryFillTest {
  @TempDir Path temp;
  private Path target = Path.of("");

  @BeforeEach
  void makeTarget() throws IOException {
    target = Files.createDirectory(temp.resolve("target"));
    Files.writeString(target.resolve("descriptors.json"), "theirs");
  }

  private static void write(DirectoryFill fill, String text) throws IOException {
    Files.writeString(fill.path().resolve("inventory.img"), text);
    Files.writeString(fill.path().resolve("pages-1.img"), text);
  }

  @Test
  void takesTheNamesOfWhatWasThereAndLeavesTheRest() throws IOException {
    for (String text : new String[] {"first", "second"}) {
      try (DirectoryFill fill = DirectoryFill.begin(target)) {
        write(fill, text);
        fill.commit(Optional.of("../" + text));
      }
    }

    assertThat(Files.readString(target.resolve("inventory.img"))).isEqualTo("second");
    assertThat(Files.readString(target.resolve("pages-1.img"))).isEqualTo("second");
    assertThat(Files.readString(target.resolve("descriptors.json"))).isEqualTo("theirs");
    assertThat(Files.readSymbolicLink(target.resolve("parent"))).hasToString("../second");
    assertThat(target.resolve(".predump.partial")).doesNotExist();
    assertThat(
            PosixFilePermissions.toString(
                Files.getPosixFilePermissions(target.resolve("pages-1.img"))))
        .isEqualTo("rw-------");
  }

  @Test
  void imagesOfBeforeThatHaveNoSuccessorGoAndNothingElse() throws IOException {
    for (String name : new String[] {"pipes-data.img", "stats-restore", "dump.log"}) {
      Files.writeString(target.resolve(name), "old");
    }
    Files.createSymbolicLink(target.resolve("fifo-data.img"), Path.of("dump.log"));
    Files.createDirectory(target.resolve("disk.img"));
    try (DirectoryFill fill = DirectoryFill.begin(target)) {
      write(fill, "new");
      fill.commit(Optional.empty());
    }

    assertThat(ChainDirectory.entries(target))
        .extracting(path -> path.getFileName().toString())
        .containsExactlyInAnyOrder(
            "descriptors.json", "disk.img", "dump.log", "inventory.img", "pages-1.img");
  }

  @Test
  void withoutAParentAnOldLinkGoes() throws IOException {
    Files.createSymbolicLink(target.resolve("parent"), Path.of("../elsewhere"));
    try (DirectoryFill fill = DirectoryFill.begin(target)) {
      write(fill, "whole");
      fill.commit(Optional.empty());
    }

    assertThat(Files.isSymbolicLink(target.resolve("parent"))).isFalse();
  }

  @Test
  void isGoneUnlessCommittedAndWhatAKilledOneLeftGoes() throws IOException {
    Files.createDirectories(target.resolve(".predump.partial/d"));
    try (DirectoryFill fill = DirectoryFill.begin(target)) {
      assertThat(ChainDirectory.entries(fill.path())).isEmpty();
      write(fill, "never");
    }

    assertThat(ChainDirectory.entries(target))
        .extracting(path -> path.getFileName().toString())
        .containsExactly("descriptors.json");
  }

  @Test
  void withoutTheInventoryNothingIsTakenForImages() throws IOException {
    try (DirectoryFill fill = DirectoryFill.begin(target)) {
      write(fill, "first");
      fill.commit(Optional.empty());
    }
    Files.delete(target.resolve("pages-1.img"));
    Files.createDirectories(target.resolve("pages-1.img/in the way"));
    try (DirectoryFill fill = DirectoryFill.begin(target)) {
      write(fill, "second");
      assertThatThrownBy(() -> fill.commit(Optional.empty())).isInstanceOf(IOException.class);
    }

    assertThat(target.resolve("inventory.img")).doesNotExist();
  }
}
