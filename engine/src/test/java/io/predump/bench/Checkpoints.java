package io.predump.bench;

import static io.predump.bench.Setting.say;
import static io.predump.bench.Setting.text;
import static io.predump.bench.Setting.values;

import io.predump.bench.Report.Verdict;
import io.predump.criu.AfterDump;
import io.predump.criu.CriuDump;
import io.predump.criu.CriuException;
import io.predump.criu.CriuMode;
import io.predump.criu.CriuProgram;
import io.predump.criu.DumpOptions;
import io.predump.engine.FreezeRecord;
import io.predump.engine.PreDumpSession;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * How long a whole checkpoint freezes, against the size of the process: ours in both modes, and a
 * plain {@code criu dump} of the same process in the same run. CRIU's figure is its own (freezing
 * and frozen time); ours is taken from outside, from before CRIU begins to freeze until it has
 * ended.
 */
final class Checkpoints {
  /** Sizes up to the one asked for are measured. */
  private static final List<Integer> SIZES = List.of(256, 1024, 2048, 4096, 8192);

  private static final int SAMPLES = 3;
  private static final long MILLIS = 1000;

  /** Up to so many pages the engine's share of the freeze has a goal, in milliseconds. */
  private static final int FEW_PAGES = 1000;

  private static final int SHARE_GOAL = 10;

  /** MiB and milliseconds, of the goals. */
  private static final Map<Integer, Integer> GOALS = Map.of(1024, 50, 4096, 100);

  private final Setting setting;
  private final Map<String, Map<Integer, Double>> curves = new LinkedHashMap<>();

  Checkpoints(Setting setting) {
    this.setting = setting;
  }

  /** Measures; says so where there is no criu to run. */
  void run(Report report) throws IOException {
    CriuProgram criu;
    try {
      criu = CriuProgram.find(Optional.empty());
    } catch (CriuException e) {
      say("no whole checkpoints: " + e.getMessage());
      return;
    }
    for (int mib : SIZES) {
      if (mib <= setting.mib()) {
        say("checkpoints of " + mib + " MiB");
        try (LiveTarget target =
            LiveTarget.startLeader(setting.program("filler"), Integer.toString(mib), "0.1")) {
          target.await("ready");
          measure(criu, target, mib, report);
        }
      }
    }
  }

  private void measure(CriuProgram criu, LiveTarget target, int mib, Report report)
      throws IOException {
    Samples plain = new Samples();
    for (int i = 0; i < SAMPLES; i++) {
      Path files = setting.fresh("plain");
      plain.add(PlainCriu.run(criu, target, files).frozenMicros());
      Setting.delete(files);
    }
    note("criu dump", mib, plain);
    for (CriuMode mode : List.of(CriuMode.VEIL, CriuMode.LAZY)) {
      Samples frozen = new Samples();
      Samples share = new Samples();
      Samples pages = new Samples();
      Samples scan = new Samples();
      Samples read = new Samples();
      Samples check = new Samples();
      try (PreDumpSession session =
          PreDumpSession.attach(target.pid(), setting.fresh("checkpoint"), setting.options())) {
        for (int i = 0; i < SAMPLES; i++) {
          round(session);
          target.ask(LiveTarget.SIGUSR1);
          FreezeRecord freeze = checkpoint(criu, mode, session);
          frozen.add(freeze.frozenMicros());
          share.add(freeze.scanMicros() + freeze.readMicros() + freeze.checkMicros());
          pages.add(freeze.pageCount());
          scan.add(freeze.scanMicros());
          read.add(freeze.readMicros());
          check.add(freeze.checkMicros());
        }
      }
      note("predump, " + mode.name().toLowerCase(Locale.ROOT), mib, frozen);
      Integer goal = mode == CriuMode.VEIL ? GOALS.get(mib) : null;
      report.line(
          text("checkpoint, %s, %d MiB", mode.name().toLowerCase(Locale.ROOT), mib),
          text("frozen %.1f ms", frozen.median() / MILLIS),
          text("criu dump %.0f ms", plain.median() / MILLIS),
          text("%.1f x less", plain.median() / frozen.median()),
          goal == null ? "" : "<= " + goal + " ms",
          goal == null ? Verdict.NONE : Verdict.of(frozen.median() <= goal * MILLIS),
          values("frozenMicros", frozen, "criuDumpMicros", plain));
      boolean few = pages.median() <= FEW_PAGES;
      report.line(
          text("  of it ours, %.0f pages", pages.median()),
          text("%.1f ms", share.median() / MILLIS),
          text(
              "scan %.1f, read %.1f, check %.1f",
              scan.median() / MILLIS, read.median() / MILLIS, check.median() / MILLIS),
          "",
          few ? "<= " + SHARE_GOAL + " ms" : "",
          few ? Verdict.of(share.median() <= SHARE_GOAL * MILLIS) : Verdict.NONE,
          values("engineMicros", share, "scanMicros", scan, "checkMicros", check));
    }
  }

  private void note(String curve, int mib, Samples micros) {
    curves.computeIfAbsent(curve, c -> new LinkedHashMap<>()).put(mib, micros.median() / MILLIS);
  }

  /** {@return the frozen milliseconds of each way, by MiB} */
  Map<String, Map<Integer, Double>> curves() {
    return curves;
  }

  private static void round(PreDumpSession session) throws IOException {
    if (session.round().isEmpty()) {
      throw new IOException("the target is gone");
    }
  }

  private static FreezeRecord checkpoint(CriuProgram criu, CriuMode mode, PreDumpSession session)
      throws IOException {
    DumpOptions options =
        DumpOptions.DEFAULT
            .withMode(mode)
            .withAfterDump(AfterDump.RUNNING)
            .withExtraArguments(List.of("--shell-job"));
    try (CriuDump dump = CriuDump.prepare(criu, options)) {
      return session.finish(dump, false).orElseThrow().freeze();
    }
  }
}
