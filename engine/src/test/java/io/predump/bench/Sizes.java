package io.predump.bench;

import static io.predump.bench.Setting.say;
import static io.predump.bench.Setting.text;
import static io.predump.bench.Setting.values;

import io.predump.bench.Report.Verdict;
import io.predump.engine.PreDumpSession;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** What grows with the process: the engine's own memory, and the cost of a round without writes. */
final class Sizes {
  private static final List<Integer> MEMORY_MIB = List.of(1024, 4096, 12288);
  private static final int RSS_BASE_MIB = 256;
  private static final double RSS_SHARE = 0.01;
  private static final int IDLE_MIB = 16384;
  private static final double IDLE_GOAL_MILLIS = 80;
  private static final int IDLE_ROUNDS = 9;

  private final Setting setting;

  Sizes(Setting setting) {
    this.setting = setting;
  }

  /** {@return what the engine may take for a target of that size, MiB} */
  static double rssGoalMib(int targetMib) {
    return RSS_BASE_MIB + RSS_SHARE * targetMib;
  }

  /** Measures, and adds the lines. */
  void run(Report report) throws IOException {
    for (int mib : MEMORY_MIB) {
      say("memory of the engine for " + mib + " MiB");
      try (LiveTarget target = filler(mib)) {
        memory(report, target, mib);
      }
    }
    say("idle rounds of " + IDLE_MIB + " MiB");
    try (LiveTarget target = filler(IDLE_MIB)) {
      idle(report, target);
    }
  }

  private LiveTarget filler(int mib) throws IOException {
    LiveTarget target =
        LiveTarget.startLeader(setting.program("filler"), Integer.toString(mib), "0.1");
    target.await("ready");
    return target;
  }

  private void memory(Report report, LiveTarget target, int mib) throws IOException {
    List<String> command =
        new ArrayList<>(setting.command("run", "-D", setting.fresh("memory").toString()));
    command.addAll(List.of("--quiet", "-t", target.pid().toString()));
    double peak = Commands.watch(command).peakRssMib();
    setting.fresh("memory");
    double goal = rssGoalMib(mib);
    report.line(
        text("peak memory of predump run, %d MiB", mib),
        text("%.0f MiB", peak),
        "",
        "",
        text("<= %.0f MiB", goal),
        Verdict.of(peak <= goal),
        values("peakRssMib", peak));
  }

  private void idle(Report report, LiveTarget target) throws IOException {
    Samples millis = new Samples();
    try (PreDumpSession session =
        PreDumpSession.attach(target.pid(), setting.fresh("idle"), setting.options())) {
      for (int i = -2; i < IDLE_ROUNDS; i++) {
        long began = System.nanoTime();
        session.round().orElseThrow(() -> new IOException("the target has gone"));
        if (i >= 0) {
          millis.add((System.nanoTime() - began) / 1e6);
        }
      }
    }
    setting.fresh("idle");
    report.line(
        text("idle round of %d MiB, fsync included", IDLE_MIB),
        text("%.1f ms", millis.median()),
        "",
        "",
        text("<= %.0f ms", IDLE_GOAL_MILLIS),
        Verdict.of(millis.median() <= IDLE_GOAL_MILLIS),
        values("millis", millis));
  }
}
