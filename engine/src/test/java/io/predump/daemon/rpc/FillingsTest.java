package io.predump.daemon.rpc;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class FillingsTest {
  @TempDir Path temp;
  private final Fillings fillings = new Fillings();

  private Path filled(String name, int round, String parent) throws IOException {
    Path directory = Files.createDirectories(temp.resolve(name));
    Files.writeString(directory.resolve("inventory.img"), "round " + round);
    if (!parent.isEmpty()) {
      Files.createSymbolicLink(directory.resolve("parent"), Path.of("..").resolve(parent));
    }
    fillings.filled(
        directory, round, parent.isEmpty() ? Optional.empty() : Optional.of(temp.resolve(parent)));
    return directory;
  }

  @Test
  void aDirectoryIsKnownHoweverItIsNamed() throws IOException {
    Path directory = filled("1", 1, "");
    Path link = Files.createSymbolicLink(temp.resolve("link"), directory);

    assertThat(fillings.roundOf(directory)).hasValue(1);
    assertThat(fillings.roundOf(temp.resolve("1/../1/."))).hasValue(1);
    assertThat(fillings.roundOf(link)).hasValue(1);
    assertThat(fillings.roundOf(temp)).isEmpty();
  }

  @Test
  void aDirectoryWithAnotherInventoryIsNoLongerOurs() throws IOException {
    Path changed = filled("1", 1, "");
    Path emptied = filled("2", 2, "1");
    Path touched = filled("3", 3, "2");
    Files.writeString(changed.resolve("inventory.img"), "longer than it was");
    Files.delete(emptied.resolve("inventory.img"));
    Files.setLastModifiedTime(touched.resolve("inventory.img"), FileTime.fromMillis(1));

    assertThat(fillings.roundOf(changed)).isEmpty();
    assertThat(fillings.roundOf(emptied)).isEmpty();
    assertThat(fillings.roundOf(touched)).isEmpty();
  }

  @Test
  void anAncestorThatOthersFilledAnewOrRemovedTakesItsDescendantsOutOfCount() throws IOException {
    Path first = filled("1", 1, "");
    filled("2", 2, "1");
    Path third = filled("3", 3, "2");
    assertThat(fillings.roundOf(third)).hasValue(3);

    Files.writeString(first.resolve("inventory.img"), "of another tree");
    assertThat(fillings.roundOf(third)).isEmpty();

    Files.delete(first.resolve("inventory.img"));
    Files.delete(first);
    assertThat(fillings.roundOf(third)).isEmpty();
  }

  @Test
  void anAncestorIsWhereTheLinkLeads() throws IOException {
    filled("1", 1, "");
    Path second = filled("2", 2, "1");
    Path copy = Files.createDirectory(temp.resolve("copy"));
    Files.copy(temp.resolve("1/inventory.img"), copy.resolve("inventory.img"));
    Files.delete(second.resolve("parent"));
    assertThat(fillings.roundOf(second)).isEmpty();

    Files.createSymbolicLink(second.resolve("parent"), Path.of("../copy"));
    assertThat(fillings.roundOf(second)).isEmpty();

    Files.delete(second.resolve("parent"));
    Files.createSymbolicLink(second.resolve("parent"), Path.of("../copy/../1"));
    assertThat(fillings.roundOf(second)).hasValue(2);
  }

  @Test
  void whatIsFilledAnewTakesItsDescendantsAlongAndNobodyElse() throws IOException {
    Path first = filled("1", 1, "");
    Path second = filled("2", 2, "1");
    Path third = filled("3", 3, "2");
    Path other = filled("other", 4, "1");

    fillings.forget(second);

    assertThat(fillings.roundOf(first)).hasValue(1);
    assertThat(fillings.roundOf(second)).isEmpty();
    assertThat(fillings.roundOf(third)).isEmpty();
    assertThat(fillings.roundOf(other)).hasValue(4);
  }
}
