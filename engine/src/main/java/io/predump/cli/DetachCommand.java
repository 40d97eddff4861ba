package io.predump.cli;

import io.predump.daemon.SessionStatus;
import java.io.IOException;
import picocli.CommandLine.Model.PositionalParamSpec;

/** {@code predump detach}: ends a daemon's session. */
final class DetachCommand extends ClientCommand {
  private final PositionalParamSpec session = sessionParameter();

  DetachCommand(Terminal terminal) {
    super(
        terminal,
        "detach",
        "Ends a session of a daemon without a last round; the process goes on.",
        "predump detach redis");
    spec().addPositional(session);
    addSocket();
  }

  @Override
  public Integer call() throws IOException {
    return ask(
        daemon -> {
          SessionStatus status = daemon.detach(session.<String>getValue());
          if (json()) {
            Json.print(terminal().out(), o -> SessionReport.json(o, status));
          } else {
            terminal().out().print(SessionReport.text(status));
          }
          return SessionReport.exitCode(status);
        });
  }
}
