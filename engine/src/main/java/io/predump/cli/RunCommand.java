package io.predump.cli;

import io.predump.criu.CriuDump;
import io.predump.engine.Checkpointer;
import io.predump.engine.LoopOptions;
import io.predump.engine.RunResult;
import io.predump.engine.SessionOptions;
import io.predump.linux.Pid;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import picocli.CommandLine.Model.OptionSpec;

/** {@code predump run}: rounds of a live process, then a short freeze. */
final class RunCommand extends Command {
  private final OptionSpec tree = tree("copy");
  private final OptionSpec imagesDir = ImagesDir.option();
  private final OptionSpec rpo =
      time(
          "--rpo",
          "Go on taking rounds so that the newest is never older than this, such as 2m, until"
              + " a bound, a signal or the process ends it.");
  private final OptionSpec deferHot =
      flag("--defer-hot", "Leave pages that are written in every round to the final freeze.");
  private final RoundSettings roundSettings = new RoundSettings("8, with --rpo none");
  private final FinalSettings end = new FinalSettings();
  private final CopySettings copying = new CopySettings();
  private final CheckpointOptions checkpoint = new CheckpointOptions("0..*");
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
    spec().addOption(tree).addOption(imagesDir);
    roundSettings.addTo(spec());
    spec().addOption(rpo).addOption(deferHot);
    end.addTo(spec());
    copying.addTo(spec());
    spec().addOption(quiet);
    checkpoint.addTo(spec());
  }

  @Override
  public Integer call() throws IOException {
    Pid target;
    SessionOptions session;
    LoopOptions loop;
    try {
      target = new Pid(tree.<Integer>getValue());
      session = copying.options();
      if (end.wantsCheckpoint() && copying.single()) {
        throw new IllegalArgumentException("--single: not with --final criu, which dumps the tree");
      }
      checkpoint.require(
          end.wantsCheckpoint(), spec().commandLine().getParseResult().originalArgs());
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

  /** The dump with CRIU, if one is wanted. */
  private final class Dump implements AutoCloseable {
    private final Optional<CriuDump> prepared;

    Dump(Optional<Path> freezeCgroup) throws IOException {
      prepared =
          end.wantsCheckpoint() ? Optional.of(checkpoint.prepare(freezeCgroup)) : Optional.empty();
    }

    /** Shared memory is what may make the freeze long, so the size of it is told beforehand. */
    void announce(LiveRun run) throws IOException {
      if (prepared.isPresent() && !isSet(quiet)) {
        terminal()
            .err()
            .println(
                RunSummary.forecast(
                    run.forecast(prepared.get()), checkpoint.holds() || end.verify()));
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

  private LoopOptions loopOptions() {
    Duration age = rpo.getValue();
    LoopOptions options =
        roundSettings
            .options(
                age == null ? LoopOptions.DEFAULT.rounds() : 0,
                end.mode(),
                end.verify() || (end.wantsCheckpoint() && checkpoint.verifiesFirst()))
            .withDeferHot(isSet(deferHot));
    return age == null ? options : options.withRpo(age);
  }
}
