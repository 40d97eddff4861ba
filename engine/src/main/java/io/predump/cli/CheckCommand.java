package io.predump.cli;

/** {@code predump check}: what this kernel and this user can do. */
final class CheckCommand extends Command {
  CheckCommand(Terminal terminal) {
    super(
        terminal,
        "check",
        "Says what this kernel and this user can do, and why not.",
        "predump check",
        "predump check --json");
  }

  @Override
  public Integer call() {
    CheckReport report = CheckReport.probe();
    if (json()) {
      Json.print(terminal().out(), report::json);
    } else {
      terminal().out().print(report.text());
    }
    return ExitCodes.DONE;
  }
}
