package io.predump.criu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.predump.engine.Mounted;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** CRIU runs the hook from a temporary directory, and loads the veil from it. */
final class PrivateDirectoryIT {
  @TempDir Path temp;

  @Test
  void aDirectoryFromWhichNoProgramMayRunIsRefusedBeforeAnythingBegins() throws Exception {
    try (Mounted mounted = Mounted.tmpfs(temp.resolve("mount"), "noexec")) {
      PrivateDirectory directory = PrivateDirectory.makeIn(mounted.path(), "work-");

      assertThatThrownBy(() -> PrivateDirectory.forPrograms(directory))
          .isInstanceOf(CriuException.class)
          .hasMessage(
              mounted.path()
                  + ": no program may run from there (noexec), so CRIU could not call back: name"
                  + " another directory for temporary files by TMPDIR");
      assertThat(mounted.path()).isEmptyDirectory();

      mounted.remount("exec");
      try (PrivateDirectory allowed =
          PrivateDirectory.forPrograms(PrivateDirectory.makeIn(mounted.path(), "work-"))) {
        assertThat(allowed.path()).as("control").isDirectory();
      }
      assertThat(mounted.path()).isEmptyDirectory();
    }
  }

  @Test
  void whatAKilledMakerLeftIsRemovedByTheNext() throws Exception {
    Path left = Files.createDirectory(temp.resolve("work-1"));
    Files.writeString(left.resolve(".lock"), "");
    Files.writeString(Files.createDirectory(left.resolve("images")).resolve("pages-1.img"), "x");
    Path young = Files.createDirectory(temp.resolve("work-2"));
    Files.writeString(young.resolve(".lock"), "");
    Path foreign = Files.createDirectory(temp.resolve("work-3"));
    try (PrivateDirectory used = PrivateDirectory.makeIn(temp, "work-")) {
      for (Path old : List.of(left, foreign, used.path())) {
        Files.setLastModifiedTime(old, FileTime.from(Instant.now().minusSeconds(120)));
      }

      PrivateDirectory.makeIn(temp, "work-").close();

      assertThat(left).doesNotExist();
      assertThat(young).isDirectory();
      assertThat(foreign).as("without a lock file it is none of ours").isDirectory();
      assertThat(used.path()).isDirectory();
    }
  }
}
