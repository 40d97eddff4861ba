package io.predump.criu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where expanded images go. */
class ExpansionPlaceTest {
  private static final long PIB = 1L << 50;

  @TempDir Path temp;
  private Path images = Path.of("");

  @BeforeEach
  void makeDirectory() throws IOException {
    images = Files.createDirectory(temp.resolve("images"));
  }

  @Test
  void theCallersChoiceIsTaken() throws IOException {
    Path work = Files.createDirectory(temp.resolve("work"));
    assertThat(ExpansionPlace.of(images, Optional.of(work), PIB)).isEqualTo(work);
    Path file = Files.writeString(temp.resolve("file"), "x");
    assertThatThrownBy(() -> ExpansionPlace.of(images, Optional.of(file), 1))
        .isInstanceOf(CriuException.class)
        .hasMessage("--work-dir: " + file + ": not a directory");
  }

  @Test
  void thereIsRoomForALittleAndNotForAPebibyte() throws IOException {
    assertThat(ExpansionPlace.of(images, Optional.empty(), 4096)).isDirectory();
    assertThatThrownBy(() -> ExpansionPlace.of(images, Optional.empty(), PIB))
        .isInstanceOf(CriuException.class)
        .hasMessageStartingWith("no room for the expanded images, bytes=" + PIB + ": " + temp)
        .hasMessageEndingWith("; name a directory by --work-dir");
  }
}
