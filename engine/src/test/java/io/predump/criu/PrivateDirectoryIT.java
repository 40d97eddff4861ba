package io.predump.criu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.predump.engine.Mounted;
import java.nio.file.Path;
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
        assertThat(allowed.path()).as("control").isEmptyDirectory();
      }
      assertThat(mounted.path()).isEmptyDirectory();
    }
  }
}
