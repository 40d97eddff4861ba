package io.predump.bench;

import static io.predump.bench.Setting.say;
import static io.predump.bench.Setting.values;

import io.predump.engine.SessionOptions;
import io.predump.linux.proc.Machine;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Measures our rounds and the C floor against one live process, in turns, in one run: what counts
 * is the ratio of neighbours, for the machine may be busy with other things as well.
 *
 * <p>A first round starts with nothing of the one before on the disk and nothing waiting to be
 * written. Figures are medians of their samples, ratios the median of the ratios of neighbours, and
 * the JSON has every sample. GB/s is 1e9 bytes read from the process per second of wall time.
 */
public final class BenchMain {
  private static final String USAGE =
      """
      usage: ./build bench [OPTION]...

        --mib N       memory of the process to copy, MiB (2048); with less, sizes only if asked for
        --repeat N    samples of each kind of first round (3)
        --dir DIR     where ours and the floor write for a while (/var/tmp)
        --json FILE   write the figures as JSON too
        --only PART   first: the first rounds; warm: those without the cold command; throughput: by threads and level;
                      later: what comes after; restores; injections; peers: criu and
                      gcore; target: what it notices; sizes: memory and idle rounds up to 16 GiB; checkpoints
                      with CRIU, of 256 MiB to the size given by --mib, 8192 at most
        --svg DIR     draw what was measured as charts

      For root. Not a test: the exit code is 0 whatever the figures are.""";

  /** The goals are for this size; a smaller benchmark shall be a quick one. */
  private static final int GOAL_MIB = 2048;

  private static final Set<String> PARTS =
      Set.of(
          "",
          "first",
          "throughput",
          "warm",
          "later",
          "restores",
          "injections",
          "peers",
          "target",
          "sizes",
          "checkpoints");

  private BenchMain() {}

  /** The command line. */
  private static final class Arguments {
    int mib = 2048;
    int repeat = 3;
    Path dir = Path.of("/var/tmp");
    Optional<Path> json = Optional.empty();
    Optional<Path> svg = Optional.empty();
    String only = "";
    boolean help;

    static Arguments parse(String[] args) {
      Arguments parsed = new Arguments();
      for (int i = 0; i < args.length; i++) {
        switch (args[i]) {
          case "--mib" -> parsed.mib = Integer.parseInt(args[++i]);
          case "--repeat" -> parsed.repeat = Integer.parseInt(args[++i]);
          case "--dir" -> parsed.dir = Path.of(args[++i]);
          case "--json" -> parsed.json = Optional.of(Path.of(args[++i]));
          case "--svg" -> parsed.svg = Optional.of(Path.of(args[++i]));
          case "--only" -> parsed.only = args[++i];
          case "-h", "--help" -> parsed.help = true;
          default -> throw new IllegalArgumentException(args[i] + ": unknown");
        }
      }
      if (parsed.mib < 16 || parsed.repeat < 1) {
        throw new IllegalArgumentException("--mib is at least 16, --repeat at least 1");
      }
      if (!PARTS.contains(parsed.only)) {
        throw new IllegalArgumentException("--only " + parsed.only + ": no such part");
      }
      return parsed;
    }

    boolean runs(String part) {
      return only.isEmpty() || only.equals(part);
    }
  }

  public static void main(String[] args) throws IOException {
    Arguments arguments;
    try {
      arguments = Arguments.parse(args);
    } catch (IllegalArgumentException | ArrayIndexOutOfBoundsException e) {
      System.err.println(e.getMessage() + "\n" + USAGE);
      System.exit(2);
      return;
    }
    if (arguments.help) {
      System.out.println(USAGE);
      return;
    }
    Path work = Files.createTempDirectory(arguments.dir, "predump-bench-");
    try {
      Path root = Path.of(System.getProperty("predump.bench.root", "."));
      SessionOptions options = SessionOptions.defaults("bench");
      run(new Setting(root, work, arguments.mib, arguments.repeat, options), arguments);
    } finally {
      Setting.delete(work);
    }
  }

  private static void run(Setting setting, Arguments arguments) throws IOException {
    Map<String, Object> facts = facts(setting);
    Report report = new Report();
    Charts charts = new Charts();
    if (!Set.of("checkpoints", "sizes", "target").contains(arguments.only)) {
      rounds(setting, arguments, report, charts, facts);
    }
    if (arguments.runs("target")) {
      new TargetLife(setting, charts.latencies).run(report);
    }
    if (arguments.only.equals("sizes") || (arguments.only.isEmpty() && setting.mib() >= GOAL_MIB)) {
      new Sizes(setting).run(report);
    }
    if (arguments.runs("checkpoints")) {
      Checkpoints checkpoints = new Checkpoints(setting);
      checkpoints.run(report);
      charts.freezes = Optional.of(new FreezeChart(checkpoints.curves()).svg());
    }
    if (arguments.svg.isPresent()) {
      charts.write(arguments.svg.get());
    }
    facts.put("loadAverageAtEnd", loadAverage());
    facts.forEach((name, value) -> System.out.println(name + ": " + value));
    System.out.println();
    System.out.print(report.table());
    if (arguments.json.isPresent()) {
      try (OutputStream out = Files.newOutputStream(arguments.json.get())) {
        report.json(out, facts);
      }
      System.out.println("\nJSON: " + arguments.json.get());
    }
  }

  private static void rounds(
      Setting setting, Arguments arguments, Report report, Charts charts, Map<String, Object> facts)
      throws IOException {
    say("filling " + setting.mib() + " MiB");
    String mib = Integer.toString(setting.mib());
    try (LiveTarget target = LiveTarget.startLeader(setting.program("filler"), mib, "1")) {
      target.await("ready");
      if (arguments.runs("first") || arguments.runs("warm")) {
        FirstRounds first = new FirstRounds(setting, target);
        first.run(arguments.runs("first"));
        first.report(report);
        facts.putAll(first.facts());
      }
      LaterRounds later = new LaterRounds(setting, target);
      if (arguments.runs("later")) {
        later.run(report);
      }
      if (arguments.runs("restores")) {
        new Restores(setting, target).run(report);
      }
      if (arguments.runs("throughput")) {
        new Throughput(setting, target).run(report, charts.speeds, charts.rounds);
      }
      if (arguments.runs("peers")) {
        new Peers(setting, target).run(report, later.frozenMicros());
      }
    }
    if (arguments.runs("injections")) {
      Injections.run(report, "sleeping", 150, "sleep", "1000000");
      Injections.run(report, "spinning", 400, "sh", "-c", "while :; do :; done");
    }
  }

  /** What the parts draw. */
  private static final class Charts {
    final BarChart speeds = new BarChart("First round, by threads and zstd level", false);
    final BarChart rounds =
        new BarChart("What each round reads and stores (logarithmic): 1 % written between", true);
    final BarChart latencies =
        new BarChart(
            "Latency of Redis under load, rounds at " + TargetLife.CPU_PERCENT + " % of a core",
            false);
    Optional<String> freezes = Optional.empty();

    /** Writes those that have anything to show into a directory. */
    void write(Path directory) throws IOException {
      Files.createDirectories(directory);
      bars(directory.resolve("throughput.svg"), speeds);
      bars(directory.resolve("rounds.svg"), rounds);
      bars(directory.resolve("latency.svg"), latencies);
      if (freezes.isPresent()) {
        Files.writeString(directory.resolve("checkpoint-freeze.svg"), freezes.get());
      }
    }

    private static void bars(Path file, BarChart chart) throws IOException {
      if (!chart.isEmpty()) {
        Files.writeString(file, chart.svg());
      }
    }
  }

  private static Map<String, Object> facts(Setting setting) throws IOException {
    List<String> flags = new ArrayList<>(ManagementFactory.getRuntimeMXBean().getInputArguments());
    flags.removeIf(flag -> flag.startsWith("-Dpredump.bench"));
    return values(
        "time", Instant.now().toString(),
        "kernel", Machine.kernelRelease(),
        "cpus", Runtime.getRuntime().availableProcessors(),
        "cpuModel", cpuModel(),
        "memoryMib", Commands.field(Path.of("/proc/meminfo"), "MemTotal:") / 1024,
        "transparentHugepages", read("/sys/kernel/mm/transparent_hugepage/enabled"),
        "fileSystem", Files.getFileStore(setting.work()).type(),
        "jvm", System.getProperty("java.vm.name") + " " + System.getProperty("java.vm.version"),
        "jvmFlags", flags,
        "targetMib", setting.mib(),
        "threads", setting.options().threads(),
        "zstdLevel", setting.options().level(),
        "repeat", setting.repeat(),
        "loadAverageAtStart", loadAverage());
  }

  private static String read(String file) throws IOException {
    Path path = Path.of(file);
    return Files.exists(path) ? Files.readString(path).trim() : "none";
  }

  private static double loadAverage() {
    return ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
  }

  private static String cpuModel() throws IOException {
    try (Stream<String> lines = Files.lines(Path.of("/proc/cpuinfo"))) {
      return lines
          .filter(line -> line.startsWith("model name"))
          .map(line -> line.substring(line.indexOf(':') + 1).trim())
          .findFirst()
          .orElse("unknown");
    }
  }
}
