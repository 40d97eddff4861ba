package io.predump.bench;

import static io.predump.bench.Setting.say;
import static io.predump.bench.Setting.text;
import static io.predump.bench.Setting.values;

import io.predump.bench.Report.Verdict;
import io.predump.criu.CriuException;
import io.predump.criu.CriuProgram;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What others take to bring the same process to disk, each as its users run it: {@code criu dump},
 * the same with its pages compressed by {@code zstd -1 -T0} afterwards, and {@code gcore}. Ours is
 * the whole command with its default options, flushed to disk, which the others do not do.
 */
final class Peers {
  private static final double MIB = 1 << 20;
  private static final int SAMPLES = 3;
  private static final double FREEZE_RATIO_GOAL = 100;

  private final Setting setting;
  private final LiveTarget target;
  private final Samples criuFrozenMicros = new Samples();

  Peers(Setting setting, LiveTarget target) {
    this.setting = setting;
    this.target = target;
  }

  /**
   * Measures, and adds the lines.
   *
   * @param ourFreezeMicros of the same process with few pages written
   */
  void run(Report report, Samples ourFreezeMicros) throws IOException {
    say("peers");
    ours(report);
    try {
      CriuProgram criu = CriuProgram.find(Optional.empty());
      criu(report, criu, false);
      criu(report, criu, true);
      double ratio = criuFrozenMicros.median() / ourFreezeMicros.median();
      boolean judged = ourFreezeMicros.count() > 0;
      report.line(
          "final freeze against criu dump's",
          judged ? text("%.1f ms", ourFreezeMicros.median() / 1e3) : "",
          text("%.0f ms", criuFrozenMicros.median() / 1e3),
          judged ? text("%.0f x less", ratio) : "",
          judged ? text(">= %.0f x", FREEZE_RATIO_GOAL) : "",
          judged ? Verdict.of(ratio >= FREEZE_RATIO_GOAL) : Verdict.NONE,
          values("oursMicros", ourFreezeMicros, "criuMicros", criuFrozenMicros));
    } catch (CriuException e) {
      say("no criu among the peers: " + e.getMessage());
    }
    gcore(report);
  }

  private void ours(Report report) throws IOException {
    Samples seconds = new Samples();
    Samples mebibytes = new Samples();
    for (int i = 0; i < SAMPLES; i++) {
      Path dir = setting.fresh("ours");
      List<String> command =
          new ArrayList<>(setting.command("run", "-D", dir.toString(), "--quiet"));
      command.addAll(List.of("-t", target.pid().toString()));
      seconds.add(Commands.run(command).seconds());
      mebibytes.add(PlainCriu.bytes(dir) / MIB);
    }
    setting.fresh("ours");
    line(report, "predump run", new Samples(), seconds, mebibytes);
  }

  private void criu(Report report, CriuProgram criu, boolean compressed) throws IOException {
    Samples frozen = new Samples();
    Samples seconds = new Samples();
    Samples mebibytes = new Samples();
    for (int i = 0; i < SAMPLES; i++) {
      Path dir = setting.fresh("peer");
      PlainCriu.Dump dump = PlainCriu.run(criu, target, dir);
      double more = compressed ? compress(dir) : 0;
      frozen.add(dump.frozenMicros());
      criuFrozenMicros.add(dump.frozenMicros());
      seconds.add(dump.seconds() + more);
      mebibytes.add(PlainCriu.bytes(dir) / MIB);
    }
    setting.fresh("peer");
    line(report, compressed ? "criu dump, zstd -1 -T0" : "criu dump", frozen, seconds, mebibytes);
  }

  private static double compress(Path dir) throws IOException {
    List<String> command = new ArrayList<>(List.of("zstd", "-q", "-1", "-T0", "--rm"));
    try (var files = Files.newDirectoryStream(dir, "pages-*.img")) {
      files.forEach(file -> command.add(file.toString()));
    }
    return Commands.run(command).seconds();
  }

  /** It holds the process from its beginning to its end. */
  private void gcore(Report report) throws IOException {
    Samples seconds = new Samples();
    Samples mebibytes = new Samples();
    for (int i = 0; i < SAMPLES; i++) {
      Path dir = Files.createDirectory(setting.fresh("peer"));
      List<String> command = List.of("gcore", "-o", dir + "/core", target.pid().toString());
      try {
        seconds.add(Commands.run(command).seconds());
      } catch (IOException e) {
        say("no gcore among the peers: " + e.getMessage());
        return;
      }
      mebibytes.add(PlainCriu.bytes(dir) / MIB);
    }
    setting.fresh("peer");
    Samples micros = new Samples();
    seconds.values().forEach(s -> micros.add(s * 1e6));
    line(report, "gcore", micros, seconds, mebibytes);
  }

  private static void line(
      Report report, String name, Samples frozenMicros, Samples seconds, Samples mebibytes) {
    String frozen =
        frozenMicros.count() == 0 ? "" : text(", frozen %.0f ms", frozenMicros.median() / 1e3);
    report.line(
        "to disk by " + name,
        text("%.2f s, %.0f MiB", seconds.median(), mebibytes.median()) + frozen,
        "",
        "",
        "",
        Verdict.NONE,
        values("seconds", seconds, "mebibytes", mebibytes, "frozenMicros", frozenMicros));
  }
}
