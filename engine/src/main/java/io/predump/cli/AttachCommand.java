package io.predump.cli;

import io.predump.daemon.AttachRequest;
import io.predump.daemon.SessionStatus;
import io.predump.linux.Pid;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Model.OptionSpec;

/** {@code predump attach}: a session of a daemon. */
final class AttachCommand extends ClientCommand {
  private final OptionSpec tree = tree("copy");
  private final OptionSpec imagesDir = ImagesDir.option();
  private final OptionSpec name =
      OptionSpec.builder("--name")
          .paramLabel("NAME")
          .type(String.class)
          .description("Another name for the session, to be used instead of its id.")
          .build();
  private final OptionSpec rpo =
      time(
          "--rpo",
          "Let the daemon take rounds by itself, so that the newest is never older than this.");
  private final OptionSpec detachAfter =
      time("--detach-after", "End the session after this time, however busy.");
  private final OptionSpec idleTimeout =
      time("--idle-timeout", "End the session if nobody asks anything of it for so long.");
  private final CopySettings copying = new CopySettings();

  AttachCommand(Terminal terminal) {
    super(
        terminal,
        "attach",
        "Has a daemon keep a session of a process: it tracks what is written from round to round.",
        "predump attach -t 1234 -D /var/tmp/images --name redis",
        "predump attach -t 1234 -D /var/tmp/images --rpo 2m --detach-after 1h");
    spec()
        .addOption(tree)
        .addOption(imagesDir)
        .addOption(name)
        .addOption(rpo)
        .addOption(detachAfter)
        .addOption(idleTimeout);
    copying.addTo(spec());
    addSocket();
  }

  @Override
  public Integer call() throws IOException {
    AttachRequest request;
    try {
      request =
          new AttachRequest(
              new Pid(tree.<Integer>getValue()),
              imagesDir.<Path>getValue().toAbsolutePath().normalize(),
              copying.options(),
              Optional.ofNullable(name.getValue()),
              Optional.ofNullable(rpo.getValue()),
              Optional.ofNullable(detachAfter.getValue()),
              Optional.ofNullable(idleTimeout.getValue()));
    } catch (IllegalArgumentException e) {
      throw usage(String.valueOf(e.getMessage()));
    }
    return ask(
        daemon -> {
          SessionStatus session = daemon.attach(request);
          session.warnings().forEach(w -> terminal().err().println("warning: " + w));
          if (json()) {
            Json.print(terminal().out(), o -> SessionReport.json(o, session));
          } else {
            terminal().err().println("tracker: " + session.tracker());
            terminal().out().println(SessionReport.attached(session));
          }
          return ExitCodes.DONE;
        });
  }
}
