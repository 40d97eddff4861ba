package io.predump.cli;

import io.predump.linux.Pid;
import java.io.IOException;
import java.nio.file.Path;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** {@code predump verify}: every byte of an images directory. */
final class VerifyCommand extends Command {
  private final PositionalParamSpec dir = ImagesDir.parameter();
  private final OptionSpec against =
      OptionSpec.builder("--against")
          .paramLabel("PID")
          .type(int.class)
          .description("Then compare the newest round with this process, which must be stopped.")
          .build();

  VerifyCommand(Terminal terminal) {
    super(
        terminal,
        "verify",
        "Checks every file of every round: hashes, frames, order, bounds, parents.",
        "predump verify /var/tmp/images",
        "kill -STOP 1234; predump verify /var/tmp/images --against 1234");
    spec().addPositional(dir).addOption(against);
  }

  @Override
  public Integer call() throws IOException {
    Integer pid = against.getValue();
    if (pid != null && pid <= 0) {
      throw usage("not a pid: " + pid);
    }
    Path path = ImagesDir.of(dir);
    VerifyReport report =
        pid == null ? VerifyReport.of(path) : VerifyReport.against(path, new Pid(pid));
    if (json()) {
      Json.print(terminal().out(), report::json);
    } else {
      terminal().out().print(report.text());
    }
    return report.exitCode();
  }
}
