package io.predump.cli;

import io.predump.daemon.SessionStatus;
import java.io.IOException;
import picocli.CommandLine.Model.PositionalParamSpec;

/** {@code predump status}: how a daemon's session is. */
final class StatusCommand extends ClientCommand {
  private final PositionalParamSpec session = sessionParameter();

  StatusCommand(Terminal terminal) {
    super(terminal, "status", "Says how a session of a daemon is.", "predump status redis");
    spec().addPositional(session);
    addSocket();
  }

  @Override
  public Integer call() throws IOException {
    return ask(
        daemon -> {
          SessionStatus status = daemon.status(session.<String>getValue());
          if (json()) {
            Json.print(terminal().out(), o -> SessionReport.json(o, status));
          } else {
            terminal().out().print(SessionReport.text(status));
          }
          return SessionReport.exitCode(status);
        });
  }
}
