package io.predump.cli;

import io.predump.daemon.ControlClient;
import java.io.IOException;
import java.nio.file.Path;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** What commands have that ask a daemon. */
abstract class ClientCommand extends Command {
  /** Where a daemon listens unless told otherwise. */
  static final String SOCKET = "/run/predump.sock";

  private final OptionSpec socket =
      OptionSpec.builder("--socket")
          .paramLabel("PATH")
          .type(Path.class)
          .defaultValue(SOCKET)
          .description("Where the daemon listens (default: " + SOCKET + ").")
          .build();

  ClientCommand(Terminal terminal, String name, String description, String... example) {
    super(terminal, name, description, example);
  }

  /** {@return the parameter that names a session} */
  static PositionalParamSpec sessionParameter() {
    return PositionalParamSpec.builder()
        .paramLabel("SESSION")
        .type(String.class)
        .arity("1")
        .required(true)
        .index("0")
        .description("The session: its id, its name, or the pid of its process.")
        .build();
  }

  /** Adds the option that says which daemon; to be called once, after the command's own. */
  final void addSocket() {
    spec().addOption(socket);
  }

  /** Asks a daemon something. */
  @FunctionalInterface
  interface Conversation {
    int with(ControlClient daemon) throws IOException;
  }

  /** Connects, and ends the connection with the command, or with a signal. */
  final int ask(Conversation conversation) throws IOException {
    try (ControlClient daemon =
            ControlClient.connect(socket.<Path>getValue(), "predump " + Main.version());
        Interruption.Scope stopping = terminal().interruption().stopBy(daemon::interrupt)) {
      return conversation.with(daemon);
    }
  }

  /** Prints what a daemon did with a session as {@code run} does. */
  final int report(ControlClient.Done done, boolean showsTable, Expansion expansion) {
    if (json()) {
      Json.print(
          terminal().out(),
          o -> {
            Json.run(o, done.imagesDir().toString(), done.tracker(), done.result());
            expansion.json(o);
          });
    } else {
      if (!showsTable && !done.result().rounds().isEmpty()) {
        terminal().out().println(RoundTable.render(done.result().rounds()));
      }
      terminal().out().print(RunSummary.of(done.result(), done.imagesDir()) + expansion.text());
    }
    return ExitCodes.of(done.result());
  }
}
