package io.predump.cli;

import io.predump.criu.CriuDump;
import io.predump.engine.Checkpointer;
import io.predump.engine.CopyLimits;
import io.predump.engine.FinalMode;
import io.predump.engine.LoopOptions;
import io.predump.engine.RunResult;
import io.predump.engine.SessionOptions;
import io.predump.engine.TrackerChoice;
import io.predump.linux.Pid;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.TypeConversionException;

/** {@code predump run}: rounds of a live process, then a short freeze. */
final class RunCommand extends Command {
  private final OptionSpec tree =
      OptionSpec.builder("-t", "--tree")
          .paramLabel("PID")
          .type(int.class)
          .required(true)
          .description("The process to copy, with everything below it.")
          .build();
  private final OptionSpec imagesDir =
      OptionSpec.builder("-D", "--images-dir")
          .paramLabel("DIR")
          .type(Path.class)
          .required(true)
          .description("Where the images go; made if absent. A chain of the same process goes on.")
          .build();
  private final OptionSpec rounds =
      OptionSpec.builder("--rounds")
          .paramLabel("N|none")
          .type(Integer.class)
          .converters(Converters.ROUNDS)
          .description(
              "Live rounds at most, the final one not counted; 0 or none: no limit (default: 8,"
                  + " with --rpo none).")
          .build();
  private final OptionSpec downtimeLimit =
      OptionSpec.builder("--downtime-limit")
          .paramLabel("TIME")
          .type(Duration.class)
          .converters(Converters.DURATION)
          .defaultValue("20ms")
          .description("Stop the rounds when the freeze would be this short (default: 20ms).")
          .build();
  private final OptionSpec deadline =
      OptionSpec.builder("--deadline")
          .paramLabel("TIME")
          .type(Duration.class)
          .converters(Converters.DURATION)
          .description("Begin no live round after this time, such as 500ms, 1.5s, 2m.")
          .build();
  private final OptionSpec byteBudget =
      OptionSpec.builder("--byte-budget")
          .paramLabel("SIZE")
          .type(Long.class)
          .converters(Converters.SIZE)
          .description(
              "Take no round that would make the live ones store more than this; the first is"
                  + " taken.")
          .build();
  private final OptionSpec maxBandwidth =
      OptionSpec.builder("--max-bandwidth")
          .paramLabel("SIZE/s")
          .type(Long.class)
          .converters(Converters.RATE)
          .description("Read no faster in live rounds, at least 1MiB/s.")
          .build();
  private final OptionSpec maxCpu =
      OptionSpec.builder("--max-cpu")
          .paramLabel("PERCENT")
          .type(Integer.class)
          .description("Let the threads that copy use so much of one core in live rounds.")
          .build();
  private final OptionSpec pace =
      flag(
          "--pace",
          "Read at most 1.25 times as fast as the process writes, at least 64MiB/s: gentle to its"
              + " cache.");
  private final OptionSpec rpo =
      OptionSpec.builder("--rpo")
          .paramLabel("TIME")
          .type(Duration.class)
          .converters(Converters.DURATION)
          .description(
              "Go on taking rounds so that the newest is never older than this, such as 2m, until"
                  + " a bound, a signal or the process ends it.")
          .build();
  private final OptionSpec deferHot =
      flag("--defer-hot", "Leave pages that are written in every round to the final freeze.");
  private final OptionSpec finalMode =
      OptionSpec.builder("--final")
          .paramLabel("none|freeze|criu")
          .type(FinalMode.class)
          .converters(new FinalModeConverter())
          .defaultValue("freeze")
          .description(
              "How it ends: with one short freeze, without, or as a whole checkpoint that predump"
                  + " restore brings back (default: freeze).")
          .build();
  private final OptionSpec verify =
      flag("--verify", "Compare the committed files with the frozen memory.");
  private final OptionSpec level =
      OptionSpec.builder("--level")
          .paramLabel("N|auto")
          .type(Integer.class)
          .converters(Converters.LEVEL)
          .defaultValue("1")
          .description(
              "zstd level, 1 to 19, or auto: whichever copies fastest, and what does not compress"
                  + " is stored as it is (default: 1).")
          .build();
  private final OptionSpec threads =
      OptionSpec.builder("--threads")
          .paramLabel("N")
          .type(int.class)
          .description("Threads that read and compress (default: one per core).")
          .build();
  private final OptionSpec tracker =
      OptionSpec.builder("--tracker")
          .paramLabel("auto|uffd-wp|soft-dirty|compare")
          .type(TrackerChoice.class)
          .converters(Converters.TRACKER)
          .defaultValue("auto")
          .description("What finds written pages (default: auto, the best this kernel offers).")
          .build();
  private final OptionSpec freezeCgroup =
      OptionSpec.builder("--freeze-cgroup")
          .paramLabel("PATH")
          .type(Path.class)
          .description("Freeze by this cgroup, v2 or v1, not by ptrace; it must hold the tree.")
          .build();
  private final OptionSpec single = flag("--single", "Copy the process alone, not those below it.");
  private final OptionSpec allowDeviceWriters =
      flag(
          "--allow-device-writers",
          "Take a process although a device (RDMA, VFIO, AF_XDP, GPU) may write its memory unseen;"
              + " its rounds are marked as not verified.");
  private final OptionSpec restoreThp =
      flag("--restore-thp", "Put huge pages that tracking split together again at the end.");
  private final CheckpointOptions checkpoint = new CheckpointOptions();
  private final OptionSpec quiet =
      flag("--quiet", "No progress; the summary, warnings and errors only.");

  RunCommand(Terminal terminal) {
    super(
        terminal,
        "run",
        "Copies the memory of a live process round after round, and ends with one short freeze.",
        "predump run -t 1234 -D /var/tmp/images --rounds 4 --verify",
        "predump run -t $(pidof redis-server) -D /var/tmp/images --downtime-limit 5ms --json",
        "predump run -t 1234 -D /var/tmp/images --final criu --leave-running");
    spec()
        .addOption(tree)
        .addOption(imagesDir)
        .addOption(rounds)
        .addOption(downtimeLimit)
        .addOption(deadline)
        .addOption(byteBudget)
        .addOption(maxBandwidth)
        .addOption(maxCpu)
        .addOption(pace)
        .addOption(rpo)
        .addOption(deferHot)
        .addOption(finalMode)
        .addOption(verify)
        .addOption(level)
        .addOption(threads)
        .addOption(tracker)
        .addOption(freezeCgroup)
        .addOption(single)
        .addOption(allowDeviceWriters)
        .addOption(restoreThp)
        .addOption(quiet);
    checkpoint.addTo(spec());
  }

  @Override
  public Integer call() throws IOException {
    Pid target;
    SessionOptions session;
    LoopOptions loop;
    try {
      target = new Pid(tree.<Integer>getValue());
      session = sessionOptions();
      if (wantsCheckpoint() && isSet(single)) {
        throw new IllegalArgumentException("--single: not with --final criu, which dumps the tree");
      }
      checkpoint.require(wantsCheckpoint(), spec().commandLine().getParseResult().originalArgs());
      loop = loopOptions();
    } catch (IllegalArgumentException e) {
      throw usage(String.valueOf(e.getMessage()));
    }
    Path dir = imagesDir.<Path>getValue().toAbsolutePath().normalize();
    RunProgress progress =
        new RunProgress(terminal(), RunProgress.style(terminal(), isSet(quiet), json()));
    try (Dump dump = new Dump(session.freezeCgroup());
        LiveRun run =
            LiveRun.attach(
                target,
                dir,
                session,
                loop,
                dump.checkpointer(),
                progress,
                terminal().interruption())) {
      dump.announce(run);
      RunResult result = run.take();
      Expansion expansion = expand(result, dir);
      if (json()) {
        Json.print(
            terminal().out(),
            o -> {
              Json.run(o, dir.toString(), run.tracker(), result);
              expansion.json(o);
            });
      } else {
        if (!progress.showsTable() && !result.rounds().isEmpty()) {
          terminal().out().println(RoundTable.render(result.rounds()));
        }
        terminal().out().print(RunSummary.of(result, dir) + expansion.text());
      }
      expansion.requireDone();
      return ExitCodes.of(result);
    }
  }

  /** A signal from now on ends the expansion; the checkpoint is there. */
  private Expansion expand(RunResult result, Path dir) {
    if (!checkpoint.expands() || result.freeze().isEmpty()) {
      return Expansion.NONE;
    }
    Thread worker = Thread.currentThread();
    try (Interruption.Scope scope = terminal().interruption().stopBy(worker::interrupt)) {
      return Expansion.of(dir, result.rounds().get(result.rounds().size() - 1).round());
    }
  }

  private boolean wantsCheckpoint() {
    return finalMode.<FinalMode>getValue() == FinalMode.CRIU;
  }

  /** The dump with CRIU, if one is wanted. */
  private final class Dump implements AutoCloseable {
    private final Optional<CriuDump> prepared;

    Dump(Optional<Path> freezeCgroup) throws IOException {
      prepared =
          wantsCheckpoint() ? Optional.of(checkpoint.prepare(freezeCgroup)) : Optional.empty();
    }

    /** Shared memory is what may make the freeze long, so the size of it is told beforehand. */
    void announce(LiveRun run) throws IOException {
      if (prepared.isPresent() && !isSet(quiet)) {
        terminal()
            .err()
            .println(
                RunSummary.forecast(
                    run.forecast(prepared.get()), checkpoint.holds() || isSet(verify)));
      }
    }

    Optional<Checkpointer> checkpointer() {
      return prepared.map(dump -> dump);
    }

    @Override
    public void close() {
      prepared.ifPresent(CriuDump::close);
    }
  }

  private SessionOptions sessionOptions() {
    SessionOptions options =
        SessionOptions.defaults(Main.version())
            .withLevel(level.<Integer>getValue())
            .withTracker(tracker.<TrackerChoice>getValue())
            .withSingle(isSet(single))
            .withAllowDeviceWriters(isSet(allowDeviceWriters))
            .withRestoreThp(isSet(restoreThp))
            .withLimits(limits());
    Integer workers = threads.getValue();
    if (workers != null) {
      options = options.withThreads(workers);
    }
    Path cgroup = freezeCgroup.getValue();
    return cgroup == null ? options : options.withFreezeCgroup(cgroup);
  }

  private LoopOptions loopOptions() {
    Integer most = rounds.getValue();
    Long budget = byteBudget.getValue();
    boolean endless = rpo.getValue() != null;
    return new LoopOptions(
        most == null ? (endless ? 0 : LoopOptions.DEFAULT.rounds()) : most,
        downtimeLimit.<Duration>getValue(),
        Optional.ofNullable(deadline.<Duration>getValue()),
        finalMode.<FinalMode>getValue(),
        isSet(verify) || (wantsCheckpoint() && checkpoint.verifiesFirst()),
        budget == null ? OptionalLong.empty() : OptionalLong.of(budget),
        Optional.ofNullable(rpo.<Duration>getValue()),
        isSet(deferHot));
  }

  private CopyLimits limits() {
    CopyLimits limits = CopyLimits.NONE.withPaced(isSet(pace));
    Long bandwidth = maxBandwidth.getValue();
    if (bandwidth != null) {
      limits = limits.withBytesPerSecond(bandwidth);
    }
    Integer percent = maxCpu.getValue();
    return percent == null ? limits : limits.withCpuPercent(percent);
  }

  private static final class FinalModeConverter implements ITypeConverter<FinalMode> {
    @Override
    public FinalMode convert(String value) {
      for (FinalMode mode : FinalMode.values()) {
        if (mode.name().toLowerCase(Locale.ROOT).equals(value)) {
          return mode;
        }
      }
      throw new TypeConversionException("not none, freeze or criu: " + value);
    }
  }
}
