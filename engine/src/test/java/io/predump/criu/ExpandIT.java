package io.predump.criu;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.criu.Programs.Ended;
import io.predump.engine.Mounted;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code run --final criu --expand}: raw images at once, beside the round they were made of. */
final class ExpandIT {
  @TempDir Path temp;

  private static Ended run(SelfChecking target, Path images, String... more) {
    Stream<String> fixed =
        Stream.of(
            "run",
            "-t",
            target.pid().toString(),
            "-D",
            images.toString(),
            "--rounds",
            "1",
            "--final",
            "criu",
            "--criu",
            StockCriu.program().path().toString(),
            "--expand");
    return Programs.predump(Stream.concat(fixed, Stream.of(more)).toArray(String[]::new));
  }

  private Ended restore(Path raw) throws IOException {
    Path work = Files.createDirectory(temp.resolve("work"));
    return Programs.run(
        work,
        List.of(
            StockCriu.program().path().toString(),
            "restore",
            "-D",
            raw.toString(),
            "-W",
            work.toString(),
            "-d"));
  }

  @Test
  void stockCriuRestoresTheExpansionAsItIs() throws IOException {
    Path images = temp.resolve("images");
    Path raw = images.resolve("0002.criu");
    try (SelfChecking target = SelfChecking.start("16")) {
      Ended run = run(target, images);
      assertThat(run.exitCode()).as(run.err()).isZero();
      assertThat(run.out())
          .contains("expanded: " + raw + " (")
          .endsWith("for criu restore -D " + raw + "\n");
      target.awaitGone();
      assertThat(Programs.predump("verify", images.toString()).exitCode()).isZero();

      Ended restore = restore(raw);

      assertThat(restore.exitCode()).as(restore.out()).isZero();
      assertThat(target.check()).isEqualTo("right");
    }
  }

  @Test
  void theChainGoesOnBesideIt() throws IOException {
    Path images = temp.resolve("images");
    try (SelfChecking target = SelfChecking.start("8")) {
      Ended first = run(target, images, "--leave-running", "--json");
      assertThat(first.exitCode()).as(first.err()).isZero();
      assertThat(first.out()).contains("\"expanded\": {").contains("\"restorable\": true");

      Ended second = run(target, images, "--leave-running");

      assertThat(second.exitCode()).as(second.err()).isZero();
      assertThat(images.resolve("0002.criu")).isDirectory();
      assertThat(images.resolve("0004.criu")).isDirectory();
      assertThat(target.check()).isEqualTo("right");
    }
  }

  @Test
  void aFullDiskCostsTheExpansionAlone() throws Exception {
    try (Mounted mounted = Mounted.tmpfs(temp.resolve("mount"), "size=4m");
        SelfChecking target = SelfChecking.start("8", "quiet")) {
      Path images = mounted.path().resolve("images");
      Ended run = run(target, images, "--json");

      assertThat(run.exitCode()).as(run.err()).isEqualTo(1);
      assertThat(run.out()).contains("\"expanded\": null").contains("\"different\": 0");
      assertThat(run.err())
          .contains("\npredump: the checkpoint is whole, but was not expanded: ")
          .contains("No space left on device")
          .endsWith("; predump restore " + images + " needs no expansion\n");
      try (Stream<Path> entries = Files.list(images)) {
        assertThat(entries.map(entry -> entry.getFileName().toString()))
            .containsExactlyInAnyOrder("0001", "0002", "latest");
      }
      target.awaitGone();
      Ended restore =
          Programs.predump(
              "restore",
              images.toString(),
              "-d",
              "--criu",
              StockCriu.program().path().toString(),
              "--work-dir",
              temp.toString());
      assertThat(restore.exitCode()).as(restore.err()).isZero();
      assertThat(target.check()).isEqualTo("right");
    }
  }
}
