package io.predump.cli;

import io.predump.daemon.SessionStatus;
import java.io.IOException;
import java.util.List;

/** {@code predump list}: a daemon's sessions. */
final class ListCommand extends ClientCommand {
  ListCommand(Terminal terminal) {
    super(terminal, "list", "Lists the sessions of a daemon.", "predump list");
    addSocket();
  }

  @Override
  public Integer call() throws IOException {
    return ask(
        daemon -> {
          List<SessionStatus> sessions = daemon.list();
          if (json()) {
            Json.print(terminal().out(), o -> SessionReport.json(o, sessions));
          } else {
            terminal().out().print(SessionReport.table(sessions));
          }
          return ExitCodes.DONE;
        });
  }
}
