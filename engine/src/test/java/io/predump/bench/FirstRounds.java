package io.predump.bench;

import static io.predump.bench.Setting.say;
import static io.predump.bench.Setting.text;
import static io.predump.bench.Setting.values;

import com.sun.management.OperatingSystemMXBean;
import io.predump.bench.Report.Verdict;
import io.predump.engine.PreDumpSession;
import io.predump.images.RoundRecord;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** First rounds, warm and cold, in turns with the floor, with and without duties. */
final class FirstRounds {
  private static final int THROWAWAY_ROUNDS = 2;
  private static final double WARM_GOAL = 0.95;
  private static final double COLD_GOAL = 0.6;

  private final Setting setting;
  private final LiveTarget target;
  private final OperatingSystemMXBean system =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
  private final Speed warm = new Speed();
  private final Speed bare = new Speed();
  private final Speed duties = new Speed();
  private final Speed cold = new Speed();
  private final Samples attachMillis = new Samples();
  private final Samples coldPeakRssMib = new Samples();
  private final List<Map<String, Object>> warmPhases = new ArrayList<>();
  private String floorZstd = "";
  private String coldCommand = "";

  /** How fast something was, sample by sample. */
  private static final class Speed {
    final Samples gbPerSecond = new Samples();
    final Samples seconds = new Samples();
    final Samples cpuSecondsPerGb = new Samples();
    long sourceBytes;
    long storedBytes;

    void add(double wallSeconds, double cpuSeconds, long source, long stored) {
      seconds.add(wallSeconds);
      gbPerSecond.add(source / wallSeconds / 1e9);
      cpuSecondsPerGb.add(cpuSeconds / (source / 1e9));
      sourceBytes = source;
      storedBytes = stored;
    }

    String words() {
      return text("%.3f GB/s, %.2f s", gbPerSecond.median(), seconds.median());
    }
  }

  FirstRounds(Setting setting, LiveTarget target) {
    this.setting = setting;
    this.target = target;
  }

  /** Measures; {@code withCold} also starts the whole command. */
  void run(boolean withCold) throws IOException {
    for (int i = 0; i < THROWAWAY_ROUNDS; i++) {
      say("first round to warm up");
      warm(new Speed(), new Samples(), new ArrayList<>());
    }
    for (int i = 1; i <= setting.repeat(); i++) {
      say("first rounds, " + i + " of " + setting.repeat());
      floor(0, bare);
      if (i % 2 == 0) {
        warm(warm, attachMillis, warmPhases);
        floor(1, duties);
      } else {
        floor(1, duties);
        warm(warm, attachMillis, warmPhases);
      }
      if (withCold) {
        cold();
      }
    }
  }

  private void floor(int withDuties, Speed speed) throws IOException {
    Path out = setting.fresh("floor");
    Commands.Run run =
        Commands.run(
            List.of(
                setting.program("floor"),
                Integer.toString(target.pid().number()),
                out.toString(),
                Integer.toString(setting.options().threads()),
                Integer.toString(setting.options().level()),
                "1",
                Integer.toString(withDuties)));
    Map<String, String> said = Commands.pairs(run.output());
    speed.add(
        Double.parseDouble(said.getOrDefault("total_s", "")),
        Double.parseDouble(said.getOrDefault("cpu_s", "")),
        Long.parseLong(said.getOrDefault("raw_bytes", "")),
        Long.parseLong(said.getOrDefault("stored_bytes", "")));
    floorZstd = said.getOrDefault("zstd", "");
    setting.fresh("floor");
  }

  private void warm(Speed speed, Samples attach, List<Map<String, Object>> phases)
      throws IOException {
    Path dir = setting.fresh("warm");
    long began = System.nanoTime();
    try (PreDumpSession session = PreDumpSession.attach(target.pid(), dir, setting.options())) {
      long attached = System.nanoTime();
      long cpu = system.getProcessCpuTime();
      RoundRecord record = session.round().orElseThrow();
      double seconds = (System.nanoTime() - attached) / 1e9;
      double cpuSeconds = (system.getProcessCpuTime() - cpu) / 1e9;
      speed.add(seconds, cpuSeconds, record.bytes().read(), record.bytes().stored());
      attach.add((attached - began) / 1e6);
      phases.add(phases(record, seconds));
    }
    setting.fresh("warm");
  }

  private static Map<String, Object> phases(RoundRecord record, double seconds) {
    return values(
        "scanMicros", record.scanMicros(),
        "armMicros", record.armMicros(),
        "readMicrosPerWorker", record.readMicros(),
        "compressMicrosPerWorker", record.compressMicros(),
        "writeMicros", record.writeMicros(),
        "syncMicros", record.syncMicros(),
        "totalMicros", record.totalMicros(),
        "wallMicros", (long) (seconds * 1e6));
  }

  private void cold() throws IOException {
    Path dir = setting.fresh("cold");
    String pid = Integer.toString(target.pid().number());
    List<String> command =
        setting.command("run", "-t", pid, "-D", dir.toString(), "--rounds", "1", "--final", "none");
    Commands.Run run = Commands.watch(command);
    cold.add(run.seconds(), Double.NaN, warm.sourceBytes, warm.storedBytes);
    coldPeakRssMib.add(run.peakRssMib());
    coldCommand = String.join(" ", command);
    setting.fresh("cold");
  }

  /** {@return what ran, for the report} */
  Map<String, Object> facts() {
    return values("floorZstdVersion", floorZstd, "coldCommand", coldCommand);
  }

  /** Adds the lines. */
  void report(Report report) {
    compare(report, "first round, warm, floor with duties", warm, duties, WARM_GOAL);
    compare(report, "first round, warm, floor without duties", warm, bare, Double.NaN);
    report.line(
        "  processor time, floor with duties",
        text("%.2f s/GB", warm.cpuSecondsPerGb.median()),
        text("%.2f s/GB", duties.cpuSecondsPerGb.median()),
        text("%.2f", duties.cpuSecondsPerGb.over(warm.cpuSecondsPerGb).median()),
        "",
        Verdict.NONE,
        values(
            "oursCpuSecondsPerGb", warm.cpuSecondsPerGb,
            "floorCpuSecondsPerGb", duties.cpuSecondsPerGb,
            "warmPhases", warmPhases));
    report.line(
        "  attach, once per session, not counted",
        text("%.1f ms", attachMillis.median()),
        "",
        "",
        "",
        Verdict.NONE,
        values("attachMillis", attachMillis));
    if (cold.seconds.count() == 0) {
      return;
    }
    compare(report, "first round, cold: the whole command", cold, duties, COLD_GOAL);
    report.line(
        "peak RSS of the cold command (VmHWM)",
        text("%.0f MiB", coldPeakRssMib.max()),
        "",
        "",
        text("<= %.0f MiB", Sizes.rssGoalMib(setting.mib())),
        Verdict.of(coldPeakRssMib.max() <= Sizes.rssGoalMib(setting.mib())),
        values("peakRssMib", coldPeakRssMib));
  }

  private static void compare(Report report, String name, Speed ours, Speed floor, double goal) {
    Samples ratios = ours.gbPerSecond.over(floor.gbPerSecond);
    boolean judged = !Double.isNaN(goal);
    report.line(
        name,
        ours.words(),
        floor.words(),
        text("%.2f", ratios.median()),
        judged ? text(">= %.2f", goal) : "",
        judged ? Verdict.of(ratios.median() >= goal) : Verdict.NONE,
        values(
            "ratio", ratios.median(),
            "ratios", ratios,
            "oursGbPerSecond", ours.gbPerSecond,
            "floorGbPerSecond", floor.gbPerSecond,
            "oursSeconds", ours.seconds,
            "floorSeconds", floor.seconds,
            "oursSourceBytes", ours.sourceBytes,
            "floorSourceBytes", floor.sourceBytes,
            "oursStoredBytes", ours.storedBytes,
            "floorStoredBytes", floor.storedBytes));
  }
}
