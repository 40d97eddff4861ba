package io.predump.daemon.rpc;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.criu.StockCriu;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** {@code criu restore} of the stock criu, and what lies in directories of images. */
final class Restoring {
  private Restoring() {}

  static void restore(Path images) throws IOException {
    Process criu =
        new ProcessBuilder(
                StockCriu.program().path().toString(),
                "restore",
                "-d",
                "-D",
                images.toString(),
                "-o",
                "restore.log")
            .redirectErrorStream(true)
            .start();
    criu.getOutputStream().close();
    String printed = new String(criu.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(criu.onExit().join().exitValue()).as(printed).isZero();
  }

  static long bytesOfPages(Path images) throws IOException {
    try (var files = Files.newDirectoryStream(images, "pages-*.img")) {
      long bytes = 0;
      for (Path file : files) {
        bytes += Files.size(file);
      }
      return bytes;
    }
  }
}
