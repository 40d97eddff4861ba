package io.predump.images;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An export is there whole or not at all. */
class ExportDirectoryTest {
  @TempDir Path temp;

  private static void fill(Path directory) throws IOException {
    Files.writeString(directory.resolve("a"), "1");
    Files.createDirectory(directory.resolve("d"));
    Files.writeString(directory.resolve("d/b"), "2");
    Files.createSymbolicLink(directory.resolve("d/parent"), Path.of("../a"));
  }

  @Test
  void takesTheNameOfNothingAndOfAnEmptyDirectory() throws IOException {
    Files.createDirectory(temp.resolve("empty"));
    for (String name : List.of("absent", "empty")) {
      Path target = temp.resolve(name);
      try (ExportDirectory export = ExportDirectory.create(target)) {
        fill(export.path());
        export.commit();
      }
      assertThat(Files.readString(target.resolve("d/b"))).isEqualTo("2");
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(target)))
          .isEqualTo("rwx------");
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(target.resolve("a"))))
          .isEqualTo("rw-------");
    }
    assertThat(ChainDirectory.entries(temp)).hasSize(2);
  }

  @Test
  void isGoneUnlessCommitted() throws IOException {
    Path target = Files.createDirectory(temp.resolve("empty"));
    try (ExportDirectory export = ExportDirectory.create(target)) {
      fill(export.path());
    }
    assertThat(ChainDirectory.entries(temp)).containsExactly(target);
    assertThat(target).isEmptyDirectory();
  }

  @Test
  void changesNothingThatIsThere() throws IOException {
    Path full = Files.createDirectory(temp.resolve("full"));
    Files.writeString(full.resolve("x"), "mine");
    refused(full, FileAlreadyExistsException.class, full + ": Directory not empty");
    Path file = Files.writeString(temp.resolve("file"), "mine");
    refused(file, FileAlreadyExistsException.class, file + ": not a directory");
    Path link = Files.createSymbolicLink(temp.resolve("link"), full);
    refused(link, FileAlreadyExistsException.class, link + ": not a directory");
    Path orphan = temp.resolve("no/such");
    refused(orphan, NoSuchFileException.class, temp.resolve("no") + ": No such directory");
    Path busy = temp.resolve("busy");
    try (ExportDirectory first = ExportDirectory.create(busy)) {
      refused(
          busy,
          FileAlreadyExistsException.class,
          temp.resolve(".busy.partial") + ": left by an export under way, or one that was killed");
      first.commit();
    }
    assertThat(Files.readString(full.resolve("x"))).isEqualTo("mine");
  }

  private static void refused(Path target, Class<? extends IOException> type, String message) {
    assertThatThrownBy(() -> ExportDirectory.create(target)).isInstanceOf(type).hasMessage(message);
  }

  @Test
  void aDiskThatFailsLeavesNothing() throws IOException {
    Path target = temp.resolve("target");
    for (String failing :
        List.of(
            "mkdir .target.partial",
            "fsync .target.partial/d/b",
            "fsync .target.partial/d",
            "fsync .target.partial",
            "rename .target.partial")) {
      List<String> seen = new ArrayList<>();
      try (DiskActs acts =
          DiskActs.watch(
              (act, path) -> {
                seen.add(act + " " + temp.relativize(path));
                if (seen.get(seen.size() - 1).equals(failing)) {
                  throw new IOException("Input/output error");
                }
              })) {
        assertThatThrownBy(
                () -> {
                  try (ExportDirectory export = ExportDirectory.create(target)) {
                    fill(export.path());
                    export.commit();
                  }
                })
            .isInstanceOf(IOException.class)
            .hasMessageContaining("Input/output error");
      }
      assertThat(seen).contains(failing);
      assertThat(temp).as(failing).isEmptyDirectory();
    }
  }
}
