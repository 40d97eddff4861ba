package io.predump.cli;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** {@code predump export}: images for other programs. */
final class ExportCommand extends Command {
  private final PositionalParamSpec dir = ImagesDir.parameter();
  private final OptionSpec to =
      OptionSpec.builder("--to")
          .paramLabel("criu|raw")
          .type(String.class)
          .required(true)
          .description(
              "criu: raw images for stock CRIU, which restores those of a whole checkpoint. raw: a"
                  + " sparse file for each mapping, and index.json.")
          .build();
  private final OptionSpec out =
      OptionSpec.builder("-o", "--out")
          .paramLabel("OUT")
          .type(Path.class)
          .required(true)
          .description("Where to; must not exist, or be empty.")
          .build();
  private final OptionSpec round = ImagesDir.round("Export this round (default: the newest).");
  private final OptionSpec keepChain =
      flag(
          "--keep-chain",
          "With --to criu: a directory for each round, linked by parent, instead of one.");

  ExportCommand(Terminal terminal) {
    super(
        terminal,
        "export",
        "Writes a round as raw images for other programs.",
        "predump export /var/tmp/images --to criu -o /var/tmp/raw",
        "predump export /var/tmp/images --to raw -o /var/tmp/memory");
    spec().addPositional(dir).addOption(to).addOption(out).addOption(round).addOption(keepChain);
  }

  @Override
  public Integer call() throws IOException {
    String format = to.getValue();
    if (!List.of("criu", "raw").contains(format)) {
      throw usage("--to: criu or raw, not " + format);
    }
    if (isSet(keepChain) && !format.equals("criu")) {
      throw usage("--keep-chain needs --to criu");
    }
    Path target = out.<Path>getValue().toAbsolutePath().normalize();
    ExportReport report;
    Thread worker = Thread.currentThread();
    try (Interruption.Scope scope = terminal().interruption().stopBy(worker::interrupt)) {
      report = export(format, target);
    } catch (IOException e) {
      if (Thread.interrupted()) {
        InterruptedIOException interrupted =
            new InterruptedIOException("interrupted: nothing was exported");
        interrupted.initCause(e);
        throw interrupted;
      }
      throw e;
    }
    if (json()) {
      Json.print(terminal().out(), report::json);
    } else {
      terminal().out().print(report.text());
    }
    return ExitCodes.DONE;
  }

  private ExportReport export(String format, Path target) throws IOException {
    OptionalInt number;
    try {
      number = ImagesDir.roundOf(round);
    } catch (IllegalArgumentException e) {
      throw usage(String.valueOf(e.getMessage()));
    }
    Path images = ImagesDir.of(dir);
    return format.equals("raw")
        ? ExportReport.raw(images, number, target)
        : ExportReport.criu(images, number, target, isSet(keepChain));
  }
}
