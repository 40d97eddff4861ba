package io.predump.cli;

import io.predump.daemon.ControlClient;
import io.predump.engine.FinalMode;
import io.predump.engine.LoopOptions;
import java.io.IOException;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** {@code predump round}: live rounds of a daemon's session. */
final class RoundCommand extends ClientCommand {
  private final PositionalParamSpec session = sessionParameter();
  private final RoundSettings settings = new RoundSettings("1");
  private final OptionSpec quiet =
      flag("--quiet", "No progress; the summary, warnings and errors only.");

  RoundCommand(Terminal terminal) {
    super(
        terminal,
        "round",
        "Has a session of a daemon take a live round, or several.",
        "predump round redis",
        "predump round redis --rounds 8 --downtime-limit 5ms --json");
    spec().addPositional(session);
    settings.addTo(spec());
    spec().addOption(quiet);
    addSocket();
  }

  @Override
  public Integer call() throws IOException {
    LoopOptions options;
    try {
      options = settings.options(1, FinalMode.NONE, false);
    } catch (IllegalArgumentException e) {
      throw usage(String.valueOf(e.getMessage()));
    }
    RunProgress progress =
        new RunProgress(terminal(), RunProgress.style(terminal(), isSet(quiet), json()));
    return ask(
        daemon -> {
          ControlClient.Done done;
          try {
            done = daemon.rounds(session.<String>getValue(), options, progress);
          } finally {
            progress.ended();
          }
          done.result().warnings().forEach(progress::warning);
          return report(done, progress.showsTable(), Expansion.NONE);
        });
  }
}
