package io.predump.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.predump.linux.KernelFeatures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DemoIT {
  @TempDir Path dir;

  @BeforeAll
  static void needsTracking() {
    KernelFeatures features = KernelFeatures.current();
    assumeTrue(
        features.tracksByWriteProtection(),
        () -> "skipped: no uffd-wp tracking here: " + features.pagemapScan() + features.wpAsync());
  }

  @Test
  void theDemoEndsWithNoDifferentPageAndLeavesNothingBehind() throws IOException {
    Path images = dir.resolve("images");
    Invocation demo = Invocation.of("demo", "--keep", images.toString(), "--json");
    assertThat(demo.exitCode()).as(demo.err()).isEqualTo(0);
    Map<String, String> json = demo.json();
    assertThat(json)
        .containsEntry("verify.different", "0")
        .containsEntry("imagesDir", images.toString());
    assertThat(Long.parseLong(json.get("verify.compared"))).isGreaterThan(256 << 20 >> 12);
    assertThat(Invocation.of("verify", images.toString()).exitCode()).isEqualTo(0);
    assertThat(targets()).isEmpty();
  }

  @Test
  void withoutKeepTheImagesGoToo() {
    List<Path> before = temporaryDirectories();
    Invocation demo = Invocation.of("demo");
    assertThat(demo.exitCode()).as(demo.err()).isEqualTo(0);
    assertThat(demo.out())
        .contains("0 different", "copying everything frozen would have stopped it for about");
    assertThat(temporaryDirectories()).isEqualTo(before);
  }

  @Test
  void aDirectoryWithForeignFilesIsRefusedAndTheTargetStillEnds() throws IOException {
    Files.writeString(dir.resolve("letter.txt"), "not ours");
    Invocation demo = Invocation.of("demo", "--keep", dir.toString());
    assertThat(demo.exitCode()).isEqualTo(5);
    assertThat(demo.err()).contains("predump: ").contains("letter.txt");
    assertThat(targets()).isEmpty();
  }

  /** The pids our targets had are in no list: look for the main class of live Java processes. */
  private static List<String> targets() {
    return ProcessHandle.allProcesses()
        .filter(p -> p.info().command().orElse("").endsWith("/java"))
        .map(p -> String.join(" ", p.info().arguments().orElse(new String[0])))
        .filter(arguments -> arguments.contains(DemoTarget.class.getName()))
        .toList();
  }

  private static List<Path> temporaryDirectories() {
    try (Stream<Path> entries = Files.list(Path.of(System.getProperty("java.io.tmpdir")))) {
      return entries
          .filter(p -> p.getFileName().toString().startsWith("predump-demo-"))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
