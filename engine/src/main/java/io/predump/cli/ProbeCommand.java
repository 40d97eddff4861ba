package io.predump.cli;

import io.predump.engine.FinalMode;
import io.predump.engine.LoopOptions;
import io.predump.engine.PreDumpSession;
import io.predump.engine.ProbeOptions;
import io.predump.engine.ProbeResult;
import io.predump.engine.SessionOptions;
import io.predump.engine.TrackerChoice;
import io.predump.engine.WriteProbe;
import io.predump.linux.Pid;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import picocli.CommandLine.Model.OptionSpec;

/** {@code predump probe}: how a process writes, and what a run would do; nothing is copied. */
final class ProbeCommand extends Command {
  private final OptionSpec tree = tree("watch");
  private final OptionSpec duration =
      time(
          "--duration",
          "4400ms",
          "How long to watch, at least 400ms (default: 4.4s, windows of 0.1, 0.3, 1 and 3 s).");
  private final OptionSpec downtimeLimit =
      time("--downtime-limit", "20ms", "Forecast a run with this limit (default: 20ms).");
  private final OptionSpec rounds =
      OptionSpec.builder("--rounds")
          .paramLabel("N|none")
          .type(Integer.class)
          .converters(Converters.ROUNDS)
          .defaultValue("8")
          .description("Forecast a run of so many live rounds at most (default: 8).")
          .build();
  private final OptionSpec throughput =
      OptionSpec.builder("--throughput")
          .paramLabel("SIZE/s")
          .type(Long.class)
          .converters(Converters.RATE)
          .description("What a round copies in a second, if you know (default: assumed, and said).")
          .build();
  private final OptionSpec threads =
      OptionSpec.builder("--threads")
          .paramLabel("N")
          .type(int.class)
          .description("Forecast a run with so many threads (default: one per core).")
          .build();
  private final OptionSpec tracker =
      OptionSpec.builder("--tracker")
          .paramLabel("auto|uffd-wp|soft-dirty")
          .type(TrackerChoice.class)
          .converters(Converters.TRACKER)
          .defaultValue("auto")
          .description("What finds written pages (default: auto, the best this kernel offers).")
          .build();
  private final OptionSpec single = flag("--single", "Watch the process alone.");
  private final OptionSpec allowDeviceWriters =
      flag("--allow-device-writers", "Watch a process although a device may write its memory.");

  ProbeCommand(Terminal terminal) {
    super(
        terminal,
        "probe",
        "Watches how a process writes, and forecasts rounds, bytes and freeze of a run. Copies"
            + " nothing.",
        "predump probe -t 1234 --downtime-limit 5ms",
        "predump probe -t $(pidof redis-server) --duration 30s --json");
    spec()
        .addOption(tree)
        .addOption(duration)
        .addOption(downtimeLimit)
        .addOption(rounds)
        .addOption(throughput)
        .addOption(threads)
        .addOption(tracker)
        .addOption(single)
        .addOption(allowDeviceWriters);
  }

  @Override
  public Integer call() throws IOException {
    Pid target;
    SessionOptions session;
    ProbeOptions options;
    try {
      target = new Pid(tree.<Integer>getValue());
      session = sessionOptions();
      options = probeOptions();
    } catch (IllegalArgumentException e) {
      throw usage(String.valueOf(e.getMessage()));
    }
    Interruption interruption = terminal().interruption();
    Interruption.Scope attaching = interruption.stopBy(() -> {});
    try (WriteProbe probe = attach(target, session, options, attaching);
        Interruption.Scope watching = interruption.stopBy(probe::cancel)) {
      String description = probe.trackerDescription();
      ProbeResult result = probe.watch();
      if (json()) {
        Json.print(terminal().out(), o -> ProbeReport.json(o, description, result));
      } else {
        terminal().err().println("tracker: " + description);
        result.warnings().forEach(w -> terminal().err().println("warning: " + w));
        terminal().out().print(ProbeReport.text(result));
      }
      return result.ended().map(reason -> reason.targetGone()).orElse(false)
          ? ExitCodes.TARGET_GONE
          : ExitCodes.DONE;
    }
  }

  /** Half attached is no good moment to end: a signal takes effect when attached. */
  private static WriteProbe attach(
      Pid target, SessionOptions session, ProbeOptions options, Interruption.Scope attaching)
      throws IOException {
    try (attaching) {
      return PreDumpSession.probe(target, session, options);
    }
  }

  private SessionOptions sessionOptions() {
    SessionOptions options =
        SessionOptions.defaults(Main.version())
            .withTracker(tracker.<TrackerChoice>getValue())
            .withSingle(isSet(single))
            .withAllowDeviceWriters(isSet(allowDeviceWriters));
    Integer workers = threads.getValue();
    return workers == null ? options : options.withThreads(workers);
  }

  private ProbeOptions probeOptions() {
    LoopOptions run =
        new LoopOptions(
            rounds.<Integer>getValue(),
            downtimeLimit.<Duration>getValue(),
            Optional.empty(),
            FinalMode.FREEZE,
            false);
    Long known = throughput.getValue();
    return new ProbeOptions(
        duration.<Duration>getValue(),
        run,
        known == null ? OptionalLong.empty() : OptionalLong.of(known));
  }
}
