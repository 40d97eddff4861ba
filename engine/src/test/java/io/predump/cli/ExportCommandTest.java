package io.predump.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code export} of images of a process that never was, and what {@code restore} says of them. */
class ExportCommandTest {
  @TempDir Path parent;
  private Path dir = Path.of("");
  private Path out = Path.of("");

  @BeforeEach
  void writeImages() throws IOException {
    dir = parent.resolve("images");
    out = parent.resolve("out");
    SyntheticChain.write(dir);
  }

  private Invocation export(String... more) {
    String[] args = new String[4 + more.length];
    args[0] = "export";
    args[1] = dir.toString();
    args[2] = "-o";
    args[3] = out.toString();
    System.arraycopy(more, 0, args, 4, more.length);
    return Invocation.of(args);
  }

  @Test
  void saysWhatItWrote() {
    Invocation export = export("--to", "criu");
    assertThat(export.err()).isEmpty();
    assertThat(export.exitCode()).isZero();
    assertThat(
            export.out().replace(parent.toString(), "PARENT").replaceAll("took: .*", "took: TIME"))
        .isEqualTo(
            """
            exported:  round 2 of PARENT/images to PARENT/out
            rounds:    1
            processes: 1
            pages:     3 of the chain, 0 of criu, 0 of zeros
            left out:  0 pages in no mapping that criu fills
            bytes:     12.0 KiB of pages, 300 B of other files
            took: TIME
            """
                .replace("300 B", Units.bytes(mmBytes())));
    assertThat(out.resolve("pages-1.img")).hasSize(3 * 4096);
    assertThat(out.resolve("pagemap-42.img")).exists();
  }

  private long mmBytes() {
    return dir.resolve("0002/mm-42.img").toFile().length();
  }

  @Test
  void keepsTheChainAndTakesAnOlderRoundIfAsked() throws IOException {
    Invocation kept = export("--to", "criu", "--keep-chain", "--json");
    assertThat(kept.json())
        .containsEntry("rounds", "2")
        .containsEntry("round", "2")
        .containsEntry("restorable", "false")
        .containsEntry("chainPages", "3")
        .containsEntry("pagesBytes", "16384");
    assertThat(Files.readSymbolicLink(out.resolve("0002/parent"))).hasToString("../0001");
    out = parent.resolve("older");
    Invocation older = export("--to", "criu", "--round", "1", "--json");
    assertThat(older.json()).containsEntry("round", "1").containsEntry("rounds", "1");
  }

  @Test
  void rawMemoryComesWithAnIndex() throws IOException {
    Invocation raw = export("--to", "raw", "--json");
    assertThat(raw.json()).containsEntry("files", "1").containsEntry("pages", "3");
    Map<String, String> index = Invocation.scalars(Files.readString(out.resolve("index.json")));
    assertThat(index)
        .containsEntry("round", "2")
        .containsEntry("vmas.length", "2")
        .containsEntry("vmas[0].vpid", "42")
        .containsEntry("vmas[0].start", "0x560000000000")
        .containsEntry("vmas[0].policy", "TRACK")
        .containsEntry("vmas[0].heldPages", "3")
        .containsEntry("vmas[0].file", "42-560000000000-560000010000.raw")
        .containsEntry("vmas[1].name", "/srv/data")
        .containsEntry("vmas[1].file", "null")
        .containsEntry("shared.length", "0");
    assertThat(out.resolve("42-560000000000-560000010000.raw")).hasSize(3 * 4096);
  }

  @Test
  void whatIsThereStaysAsItIs() throws IOException {
    Files.createDirectory(out);
    Files.writeString(out.resolve("mine"), "x");
    Invocation full = export("--to", "criu");
    assertThat(full.exitCode()).isEqualTo(1);
    assertThat(full.err()).isEqualTo("predump: " + out + ": Directory not empty\n");
    Files.delete(out.resolve("mine"));

    Path pages = dir.resolve("0001/pages-1.img.zst");
    byte[] bytes = Files.readAllBytes(pages);
    bytes[10] ^= 1;
    Files.write(pages, bytes);
    for (String format : new String[] {"criu", "raw"}) {
      Invocation damaged = export("--to", format);
      assertThat(damaged.exitCode()).isEqualTo(5);
      assertThat(damaged.err()).startsWith("predump: 0001/pages-1.img.zst: frame 0 at offset 0: ");
      assertThat(out).isEmptyDirectory();
      try (Stream<Path> entries = Files.list(parent)) {
        assertThat(entries).containsExactlyInAnyOrder(dir, out);
      }
    }
    bytes[10] ^= 1;
    Files.write(pages, bytes);
    assertThat(export("--to", "criu").exitCode()).as("control: repaired").isZero();
  }

  @Test
  void whatCannotBeIsRefused() {
    refused("predump: --to: criu or raw, not tar", "--to", "tar");
    refused("predump: --keep-chain needs --to criu", "--to", "raw", "--keep-chain");
    refused("predump: --round: rounds count from 1: 0", "--to", "raw", "--round", "0");
    Invocation absent = export("--to", "criu", "--round", "9");
    assertThat(absent.exitCode()).isEqualTo(5);
    assertThat(out).doesNotExist();
  }

  private void refused(String message, String... more) {
    Invocation export = export(more);
    assertThat(export.exitCode()).isEqualTo(2);
    assertThat(export.err()).startsWith(message + "\n");
    assertThat(out).doesNotExist();
  }
}
