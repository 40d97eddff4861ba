package io.predump.cli;

import java.io.IOException;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** {@code predump show}: what an images directory holds. */
final class ShowCommand extends Command {
  private final PositionalParamSpec dir = ImagesDir.parameter();
  private final OptionSpec vmas =
      flag("--vmas", "List the VMAs of the newest round: policy, reason, pages held.");
  private final OptionSpec pages =
      flag("--pages", "List the pages the newest round holds, and the round that stores them.");

  ShowCommand(Terminal terminal) {
    super(
        terminal,
        "show",
        "Shows the rounds of an images directory.",
        "predump show /var/tmp/images",
        "predump show /var/tmp/images --vmas");
    spec().addPositional(dir).addOption(vmas).addOption(pages);
  }

  @Override
  public Integer call() throws IOException {
    ShowReport report = ShowReport.read(ImagesDir.of(dir), isSet(vmas), isSet(pages));
    if (json()) {
      Json.print(terminal().out(), report::json);
    } else {
      terminal().out().print(report.text());
    }
    return ExitCodes.DONE;
  }
}
