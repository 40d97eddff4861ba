package io.predump.bench;

import static io.predump.bench.Setting.say;
import static io.predump.bench.Setting.text;
import static io.predump.bench.Setting.values;

import io.predump.bench.Report.Verdict;
import io.predump.engine.PreDumpSession;
import io.predump.engine.SessionOptions;
import io.predump.images.RoundRecord;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** The first round by threads and zstd level, and what each round of a run brings to disk. */
final class Throughput {
  private static final double MIB = 1 << 20;
  private static final List<Integer> LEVELS = List.of(1, 3, 6);
  private static final int SAMPLES = 2;
  private static final int DIRTY_ROUNDS = 4;

  private final Setting setting;
  private final LiveTarget target;

  Throughput(Setting setting, LiveTarget target) {
    this.setting = setting;
    this.target = target;
  }

  /** Measures, adds the lines and the bars. */
  void run(Report report, BarChart speeds, BarChart rounds) throws IOException {
    for (int threads = 1; threads <= setting.options().threads(); threads++) {
      for (int level : LEVELS) {
        say("first rounds with threads=" + threads + " level=" + level);
        measure(report, speeds, threads, level);
      }
    }
    say("rounds of a run");
    bytes(report, rounds);
  }

  private void measure(Report report, BarChart speeds, int threads, int level) throws IOException {
    SessionOptions options = setting.options().withThreads(threads).withLevel(level);
    Samples gbPerSecond = new Samples();
    Samples ratio = new Samples();
    for (int i = 0; i < SAMPLES; i++) {
      Path dir = setting.fresh("throughput");
      try (PreDumpSession session = PreDumpSession.attach(target.pid(), dir, options)) {
        long began = System.nanoTime();
        RoundRecord record = session.round().orElseThrow();
        gbPerSecond.add(record.bytes().read() / (double) (System.nanoTime() - began));
        ratio.add(record.bytes().read() / (double) record.bytes().stored());
      }
    }
    setting.fresh("throughput");
    String figure = text("%.2f GB/s, ratio %.2f", gbPerSecond.median(), ratio.median());
    report.line(
        text("first round, threads %d, level %d", threads, level),
        figure,
        "",
        "",
        "",
        Verdict.NONE,
        values("gbPerSecond", gbPerSecond, "ratio", ratio));
    speeds.add(
        text("%d thread%s,", threads, threads == 1 ? "" : "s"),
        "level " + level,
        gbPerSecond.median(),
        figure,
        0);
  }

  private void bytes(Report report, BarChart rounds) throws IOException {
    Path dir = setting.fresh("rounds");
    try (PreDumpSession session = PreDumpSession.attach(target.pid(), dir, setting.options())) {
      add(rounds, "round 1", session.round().orElseThrow());
      for (int i = 2; i < DIRTY_ROUNDS + 2; i++) {
        target.ask(LiveTarget.SIGUSR1);
        add(rounds, "round " + i, session.round().orElseThrow());
      }
      target.ask(LiveTarget.SIGUSR2);
      RoundRecord last = session.finish(false).orElseThrow().record();
      add(rounds, "the freeze", last);
      report.line(
          "bytes the final round stores",
          text("%.1f MiB", last.bytes().stored() / MIB),
          "",
          "",
          "",
          Verdict.NONE,
          values("storedBytes", last.bytes().stored()));
    }
    setting.fresh("rounds");
  }

  private static void add(BarChart rounds, String name, RoundRecord record) {
    double read = record.bytes().read() / MIB;
    double stored = record.bytes().stored() / MIB;
    rounds.add(name, "read", read, text("%.1f MiB", read), 1);
    rounds.add(name, "stored", stored, text("%.1f MiB", stored), 0);
  }
}
