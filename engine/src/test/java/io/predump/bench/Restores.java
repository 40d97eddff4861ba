package io.predump.bench;

import static io.predump.bench.Setting.say;
import static io.predump.bench.Setting.text;
import static io.predump.bench.Setting.values;

import io.predump.bench.Report.Verdict;
import io.predump.engine.PreDumpSession;
import io.predump.images.ChainVerifier;
import io.predump.images.ImageChain;
import io.predump.images.RawImages;
import io.predump.images.RawImages.TakeOver;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** How fast images become memory again, and how fast they are checked. */
final class Restores {
  private static final double EXPAND_GOAL = 0.9;

  private final Setting setting;
  private final LiveTarget target;

  Restores(Setting setting, LiveTarget target) {
    this.setting = setting;
    this.target = target;
  }

  /** Measures one round's images in turns with {@code zstd -d}, and adds the lines. */
  void run(Report report) throws IOException {
    say("expansion and verification");
    Path images = setting.fresh("images");
    try (PreDumpSession session = PreDumpSession.attach(target.pid(), images, setting.options())) {
      session.round().orElseThrow(() -> new IOException("the target has gone"));
    }
    int threads = setting.options().threads();
    Samples ours = new Samples();
    Samples zstd = new Samples();
    Samples verify = new Samples();
    for (int i = -1; i < setting.repeat(); i++) {
      double expanded = expand(images, threads) / threads;
      double decompressed = zstd(images);
      double verified = verify(images, threads);
      if (i >= 0) { // the first is to warm up
        ours.add(expanded);
        zstd.add(decompressed);
        verify.add(verified);
      }
    }
    setting.fresh("images");
    Samples ratio = ours.over(zstd);
    report.line(
        text("expansion, each of %d threads; floor: zstd -d --no-asyncio", threads),
        text("%.2f GB/s", ours.median()),
        text("%.2f GB/s", zstd.median()),
        text("%.2f", ratio.median()),
        text(">= %.2f", EXPAND_GOAL),
        Verdict.of(ratio.median() >= EXPAND_GOAL),
        values("oursGbPerSecondPerThread", ours, "zstdGbPerSecond", zstd));
    report.line(
        text("verify, %d threads, stored bytes", threads),
        text("%.2f GB/s", verify.median()),
        "",
        "",
        "",
        Verdict.NONE,
        values("gbPerSecond", verify));
  }

  /** {@return GB/s of raw pages} */
  private double expand(Path images, int threads) throws IOException {
    Path out = Files.createDirectory(setting.fresh("raw"));
    try (ImageChain chain = ImageChain.open(images)) {
      long began = System.nanoTime();
      long bytes = RawImages.of(chain).writeTo(out, threads, TakeOver.COPY).pagesBytes();
      return bytes / (double) (System.nanoTime() - began);
    }
  }

  /** One thread, as one of ours: by default it reads and writes with two more. */
  private double zstd(Path images) throws IOException {
    Path out = Files.createDirectory(setting.fresh("raw")).resolve("pages-1.img");
    Path in = images.resolve("0001/pages-1.img.zst");
    double seconds =
        Commands.run(
                List.of("zstd", "-q", "-d", "--no-asyncio", in.toString(), "-o", out.toString()))
            .seconds();
    return Files.size(out) / seconds / 1e9;
  }

  private static double verify(Path images, int threads) throws IOException {
    long began = System.nanoTime();
    ChainVerifier.Report report = new ChainVerifier(threads).verify(images);
    if (!report.problems().isEmpty()) {
      throw new IOException("a damaged chain: " + report.problems());
    }
    return PlainCriu.bytes(images) / (double) (System.nanoTime() - began);
  }
}
