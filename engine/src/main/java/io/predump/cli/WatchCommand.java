package io.predump.cli;

import io.predump.daemon.SessionStatus;
import java.io.IOException;
import picocli.CommandLine.Model.PositionalParamSpec;

/** {@code predump watch}: what a daemon's session does. */
final class WatchCommand extends ClientCommand {
  private final PositionalParamSpec session = sessionParameter();

  WatchCommand(Terminal terminal) {
    super(
        terminal,
        "watch",
        "Shows what a session of a daemon does, until it ends.",
        "predump watch redis");
    spec().addPositional(session);
    addSocket();
  }

  @Override
  public Integer call() throws IOException {
    return ask(
        daemon -> {
          RunProgress progress =
              new RunProgress(terminal(), RunProgress.style(terminal(), false, json()));
          SessionStatus status;
          try {
            status = daemon.watch(session.<String>getValue(), progress);
          } finally {
            progress.ended();
          }
          if (json()) {
            Json.print(terminal().out(), o -> SessionReport.json(o, status));
          } else {
            terminal().out().print(SessionReport.text(status));
          }
          return SessionReport.exitCode(status);
        });
  }
}
