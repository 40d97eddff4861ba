package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.predump.images.ChainVerifier;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code --level auto}: what it writes is what memory was, and {@code zstd} reads it. */
final class AutoLevelIT {
  private static final SessionOptions AUTO =
      SessionOptions.defaults("test").withLevel(SessionOptions.AUTO_LEVEL);

  @TempDir Path directory;

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(ints = {1, 2, 3, 4})
  void noPageDiffers(int seed) throws IOException {
    Path images = directory.resolve("images");
    try (LiveTarget target = Targets.ready("writer", seed, 32, 300);
        PreDumpSession session = PreDumpSession.attach(target.pid(), images, AUTO)) {
      for (int round = 0; round < 4; round++) {
        session.round().orElseThrow();
      }
      VerifyResult verify = session.finish(true).flatMap(FinalRound::verify).orElseThrow();
      assertThat(verify.firstDifferences()).isEmpty();
      assertThat(verify.compared()).isGreaterThan(1000);
    }
    assertThat(new ChainVerifier(2).verify(images).problems()).isEmpty();
  }

  @Test
  void zstdReadsNoiseThatIsStoredRaw() throws Exception {
    assumeTrue(Files.isExecutable(Path.of("/usr/bin/zstd")), "zstd is not installed");
    Path images = directory.resolve("images");
    try (LiveTarget target = Targets.ready("noise", 32);
        PreDumpSession session = PreDumpSession.attach(target.pid(), images, AUTO)) {
      long stored = session.round().orElseThrow().bytes().stored();
      assertThat(stored).isGreaterThan(32L << 20);
      assertThat(Script.different(session)).isZero();
    }
    Path compressed = images.resolve("0001/pages-1.img.zst");
    Path expanded = directory.resolve("pages-1.img");
    Process zstd =
        new ProcessBuilder("zstd", "-q", "-d", compressed.toString(), "-o", expanded.toString())
            .inheritIO()
            .start();
    assertThat(zstd.waitFor()).isZero();
    assertThat(Files.size(expanded)).isGreaterThan(32L << 20).matches(size -> size % 4096 == 0);

    byte[] damaged = Files.readAllBytes(compressed);
    damaged[damaged.length / 2] ^= 1;
    Files.write(compressed, damaged);
    Process control =
        new ProcessBuilder("zstd", "-q", "-t", compressed.toString())
            .redirectErrorStream(true)
            .redirectOutput(directory.resolve("control.txt").toFile())
            .start();
    assertThat(control.waitFor()).as("control").isNotZero();
    assertThat(new ChainVerifier(2).verify(images).problems()).as("control").isNotEmpty();
  }
}
