package io.predump.images;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Images of every format version stay readable for ever. The files under {@code golden/v1} are
 * never edited; a new version adds a folder. They are read in place: a build copies symlinks as
 * files.
 */
class GoldenChainTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden/v1/two-rounds");

  @TempDir Path temp;

  @Test
  void readsVersion1() throws IOException {
    assertThat(new ChainVerifier(1).verify(GOLDEN).problems()).isEmpty();
    assertThat(TestChains.read(GOLDEN, TestChains.NAME))
        .containsExactlyEntriesOf(TestChains.expectedPages());
    try (ImageChain chain = ImageChain.open(GOLDEN)) {
      assertThat(chain.names()).containsExactly(TestChains.NAME, PagesName.ofShared(9));
      RoundImages newest = chain.newest();
      assertThat(newest.mm(TestChains.PID)).contains(TestChains.mm(TestChains.HEAP, 16));
      assertThat(newest.inventory()).contains(new InventoryImage(0, 10_000_000));
      assertThat(newest.statistics()).contains(new DumpStatistics(1, 2, 3, 4, 10, 3, 4, 0));
      Manifest m = newest.manifest();
      ManifestDraft draft = TestChains.draft(true);
      assertThat(m.formatVersion()).isEqualTo(1);
      assertThat(m.round()).isEqualTo(2);
      assertThat(m.parent())
          .contains(new Manifest.Parent(1, chain.rounds().get(0).manifestSha256()));
      assertThat(m.engineVersion()).isEqualTo(draft.engineVersion());
      assertThat(m.kernelRelease()).isEqualTo(draft.kernelRelease());
      assertThat(m.bootId()).isEqualTo(draft.bootId());
      assertThat(m.finalFreeze()).isTrue();
      assertThat(m.processes()).isEqualTo(draft.processes());
      assertThat(m.tracker()).isEqualTo(draft.tracker());
      assertThat(m.vmas()).isEqualTo(draft.vmas());
      assertThat(m.owedPages()).isEqualTo(3);
      assertThat(m.createdUnixMillis()).isEqualTo(draft.createdUnixMillis());
      assertThat(m.record()).isEqualTo(TestChains.record(2, 17));
      assertThat(m.warnings()).isEqualTo(draft.warnings());
    }
  }

  @Test
  void writesVersion1AsItAlwaysWas() throws IOException {
    Path written = temp.resolve("written");
    TestChains.twoRounds(written);
    if (Boolean.getBoolean("predump.golden.create") && !Files.exists(GOLDEN)) {
      TestChains.copy(written, GOLDEN);
    }
    assertThat(content(written)).isEqualTo(content(GOLDEN));
  }

  private static List<String> content(Path dir) throws IOException {
    List<String> lines = new ArrayList<>();
    for (Path f : TestChains.files(dir)) {
      Path p = dir.resolve(f);
      lines.add(
          f
              + (Files.isSymbolicLink(p)
                  ? " -> " + Files.readSymbolicLink(p)
                  : " " + Digests.hex(Files.readAllBytes(p))));
    }
    return lines;
  }
}
