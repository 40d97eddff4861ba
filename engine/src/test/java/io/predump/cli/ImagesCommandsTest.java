package io.predump.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code show} and {@code verify} on images of a process that never was. */
class ImagesCommandsTest {
  @TempDir Path parent;
  private Path dir;

  @BeforeEach
  void writeImages() throws IOException {
    dir = parent.resolve("images");
    SyntheticChain.write(dir);
  }

  @Test
  void showListsTheRounds() {
    Invocation show = Invocation.of("show", dir.toString());
    assertThat(show.err()).isEmpty();
    assertThat(show.exitCode()).isEqualTo(0);
    assertThat(show.out().replace(dir.toString(), "DIR"))
        .isEqualTo(
            """
            DIR: 2 rounds of pid 42 (writer), tracker uffd-wp, Linux 6.18.0

            round  kind   created               written  stored  parent     stored  ratio     total  frozen  stopped because
                                                  pages   pages   pages      bytes             time    time
                1  full   2026-09-21T14:13:20Z   73,249  56,821       0  130.8 MiB   1.70  600.0 ms       -
                2  final  2026-09-21T14:13:20Z    1,192     973  55,916    3.2 MiB   1.19   20.0 ms  2.0 ms
            warning: a warning
            """);
  }

  @Test
  void showListsTheRoundsOfEarlierRunsToo() throws IOException {
    SyntheticChain.again(dir);
    Invocation show = Invocation.of("show", dir.toString(), "--json");
    assertThat(show.json())
        .containsEntry("rounds.length", "3")
        .containsEntry("rounds[0].kind", "full")
        .containsEntry("rounds[1].kind", "final")
        .containsEntry("rounds[2].kind", "full");
  }

  @Test
  void showCountsTheHeldPagesOfEachVma() {
    Invocation show = Invocation.of("show", dir.toString(), "--vmas");
    assertThat(show.out())
        .endsWith(
            """

            pid  range                          policy   held  reason               name
                                                        pages
             42  0x560000000000-0x560000010000  TRACK       3
             42  0x7f0000000000-0x7f0000001000  SKIP        0  shared regular file  /srv/data
            """);
  }

  @Test
  void showNamesTheRoundOfEachRunOfPages() throws IOException {
    Invocation show = Invocation.of("show", dir.toString(), "--pages");
    assertThat(show.out())
        .endsWith(
            """

            of              address         pages  round
            pagemap-42.img  0x560000000000      1      1
            pagemap-42.img  0x560000001000      1      2
            pagemap-42.img  0x560000002000      1      1
            """);
    Invocation json = Invocation.of("show", dir.toString(), "--pages", "--vmas", "--json");
    assertThat(json.json())
        .containsEntry("vmas[0].heldPages", "3")
        .containsEntry("pages[1].start", "0x560000001000")
        .containsEntry("pages[1].round", "2");
  }

  @Test
  void verifyCountsWhatItRead() throws IOException {
    Invocation verify = Invocation.of("verify", dir.toString());
    assertThat(verify.exitCode()).isEqualTo(0);
    assertThat(verify.out())
        .matches(
            "\\Q"
                + dir
                + "\\E: 2 rounds, 10 files, 4 frames, 4 pages, [0-9.]+ KiB read:"
                + " 0 problems, 0 warnings\n");
    Invocation json = Invocation.of("verify", dir.toString(), "--json");
    assertThat(json.json())
        .containsEntry("rounds", "2")
        .containsEntry("problems.length", "0")
        .containsEntry("verify", "null");
  }

  @Test
  void verifyNamesADamagedFileAndExitsWithFive() throws IOException {
    Path pages = dir.resolve("0001/pages-1.img.zst");
    byte[] bytes = Files.readAllBytes(pages);
    bytes[10] ^= 1;
    Files.write(pages, bytes);
    Invocation verify = Invocation.of("verify", dir.toString());
    assertThat(verify.exitCode()).isEqualTo(5);
    assertThat(verify.out()).startsWith("0001/pages-1.img.zst: frame 0 at offset 0: ");
    assertThat(verify.out()).endsWith("read: 1 problem, 0 warnings\n");
    Invocation json = Invocation.of("verify", dir.toString(), "--json");
    assertThat(json.exitCode()).isEqualTo(5);
    assertThat(json.json()).containsEntry("problems[0].file", "0001/pages-1.img.zst");
  }

  @Test
  void aDamagedChainIsNotComparedWithAnything() throws IOException {
    Files.delete(dir.resolve("0002/pagemap-42.img"));
    Invocation verify = Invocation.of("verify", dir.toString(), "--against", "1");
    assertThat(verify.exitCode()).isEqualTo(5);
    assertThat(verify.out()).startsWith("0002/pagemap-42.img: ").doesNotContain("verified:");
  }

  @Test
  void showNamesADamagedFileAndExitsWithFive() throws IOException {
    Files.move(
        dir.resolve("0001/mm-42.img"),
        dir.resolve("0002/mm-42.img"),
        StandardCopyOption.REPLACE_EXISTING);
    Files.writeString(dir.resolve("0002/mm-42.img"), "nonsense");
    Invocation show = Invocation.of("show", dir.toString());
    assertThat(show.exitCode()).isEqualTo(5);
    assertThat(show.out()).isEmpty();
    assertThat(show.err()).startsWith("predump: 0002/mm-42.img: ");
    assertThat(show.err().lines()).hasSize(1);
  }

  @Test
  void aRunningProcessIsNotComparedWith() {
    Invocation verify =
        Invocation.of(
            "verify", dir.toString(), "--against", Long.toString(ProcessHandle.current().pid()));
    assertThat(verify.exitCode()).isEqualTo(2);
    assertThat(verify.out()).isEmpty();
    assertThat(verify.err()).contains("is running").contains("stop it first");
  }
}
