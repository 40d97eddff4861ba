package io.predump.cli;

import io.predump.daemon.ControlClient;
import io.predump.daemon.FinishRequest;
import io.predump.engine.RunResult;
import java.io.IOException;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** {@code predump finish}: the last round of a daemon's session. */
final class FinishCommand extends ClientCommand {
  private final PositionalParamSpec session = sessionParameter();
  private final FinalSettings end = new FinalSettings();
  private final CheckpointOptions checkpoint = new CheckpointOptions("1..*");
  private final OptionSpec quiet =
      flag("--quiet", "No progress; the summary, warnings and errors only.");

  FinishCommand(Terminal terminal) {
    super(
        terminal,
        "finish",
        "Has a session of a daemon take the last round, and ends it. If that fails it goes on.",
        "predump finish redis --verify",
        "predump finish redis --final criu --leave-running");
    spec().addPositional(session);
    end.addTo(spec());
    spec().addOption(quiet);
    checkpoint.addTo(spec());
    addSocket();
  }

  @Override
  public Integer call() throws IOException {
    FinishRequest request;
    try {
      checkpoint.require(
          end.wantsCheckpoint(), spec().commandLine().getParseResult().originalArgs());
      request = checkpoint.request(end);
    } catch (IllegalArgumentException e) {
      throw usage(String.valueOf(e.getMessage()));
    }
    RunProgress progress =
        new RunProgress(terminal(), RunProgress.style(terminal(), isSet(quiet), json()));
    return ask(
        daemon -> {
          ControlClient.Done done;
          try {
            done = daemon.finish(session.<String>getValue(), request, progress);
          } finally {
            progress.ended();
          }
          done.result().warnings().forEach(progress::warning);
          Expansion expansion = expand(done);
          int exitCode = report(done, progress.showsTable(), expansion);
          expansion.requireDone();
          return exitCode;
        });
  }

  /** By this command, not by the daemon: the session has ended, nobody writes there any more. */
  private Expansion expand(ControlClient.Done done) {
    RunResult result = done.result();
    if (!checkpoint.expands() || result.freeze().isEmpty()) {
      return Expansion.NONE;
    }
    int last = result.rounds().get(result.rounds().size() - 1).round();
    return Expansion.of(done.imagesDir(), last);
  }
}
