package io.predump.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import io.predump.criu.CriuProgram;
import io.predump.criu.CriuRestore;
import io.predump.criu.RestoreOptions;
import io.predump.criu.RestoreResult;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** {@code predump restore}: processes from a whole checkpoint. */
final class RestoreCommand extends Command {
  private final PositionalParamSpec dir = ImagesDir.parameter();
  private final PositionalParamSpec extra =
      PositionalParamSpec.builder()
          .paramLabel("-- CRIU ARGUMENTS")
          .index("1..*")
          .arity("0..*")
          .type(List.class)
          .auxiliaryTypes(String.class)
          .description("Handed to criu restore, such as -- --tcp-established.")
          .build();
  private final OptionSpec round = ImagesDir.round("Restore this round (default: the newest).");
  private final OptionSpec criu =
      OptionSpec.builder("--criu")
          .paramLabel("PATH")
          .type(Path.class)
          .description(
              "The criu to run, 4.0 or newer (default: "
                  + CriuProgram.VARIABLE
                  + ", else the first criu on PATH).")
          .build();
  private final OptionSpec detach =
      OptionSpec.builder("-d", "--detach")
          .type(boolean.class)
          .description("End when the processes run; without it criu stays as their parent.")
          .build();
  private final OptionSpec workDir =
      OptionSpec.builder("--work-dir")
          .paramLabel("DIR")
          .type(Path.class)
          .description(
              "Where to expand the images for the time being (default: memory if there is plenty,"
                  + " else beside the images).")
          .build();

  RestoreCommand(Terminal terminal) {
    super(
        terminal,
        "restore",
        "Restores the processes of a whole checkpoint by criu restore.",
        "predump restore /var/tmp/images -d",
        "predump restore /var/tmp/images -d -- --tcp-established");
    spec().addPositional(dir).addPositional(extra);
    spec().addOption(criu).addOption(detach).addOption(round).addOption(workDir);
  }

  @Override
  public Integer call() throws IOException {
    List<String> arguments = extra.getValue();
    RestoreOptions options =
        new RestoreOptions(
            ImagesDir.of(dir),
            roundNumber(),
            CriuProgram.find(Optional.ofNullable(criu.<Path>getValue())),
            isSet(detach),
            Optional.ofNullable(workDir.<Path>getValue()),
            Runtime.getRuntime().availableProcessors(),
            arguments == null ? List.of() : arguments);
    CriuRestore restore = new CriuRestore(options, this::running);
    RestoreResult result;
    try (Interruption.Scope scope = terminal().interruption().stopBy(restore::cancel)) {
      result = restore.run();
    }
    if (json()) {
      Json.print(terminal().out(), fields -> json(fields, options, result));
    }
    if (result.exitCode() != 0) {
      terminal().err().println("predump: criu restore: exit code " + result.exitCode());
      return ExitCodes.FAILURE;
    }
    return ExitCodes.DONE;
  }

  private OptionalInt roundNumber() {
    try {
      return ImagesDir.roundOf(round);
    } catch (IllegalArgumentException e) {
      throw usage(String.valueOf(e.getMessage()));
    }
  }

  /** In the foreground the end may be far away: what is known is said now. */
  private void running(RestoreResult r) {
    if (json()) {
      return;
    }
    terminal()
        .out()
        .print(
            "restored:     round "
                + r.round()
                + ", root pid "
                + r.rootPid()
                + "\nexpanded:     "
                + Units.bytes(r.images().pagesBytes())
                + " in "
                + Units.micros(r.expandMicros())
                + "\ncriu restore: "
                + Units.micros(r.restoreMicros())
                + "\n");
    terminal().out().flush();
  }

  private static void json(JsonGenerator json, RestoreOptions options, RestoreResult r)
      throws IOException {
    json.writeStringField("imagesDir", options.imagesDir().toString());
    json.writeNumberField("round", r.round());
    json.writeNumberField("rootPid", r.rootPid());
    json.writeObjectFieldStart("criu");
    json.writeStringField("path", options.criu().path().toString());
    json.writeStringField("version", options.criu().version());
    json.writeNumberField("exitCode", r.exitCode());
    json.writeEndObject();
    ExportReport.json(json, r.images());
    json.writeNumberField("expandMicros", r.expandMicros());
    json.writeNumberField("restoreMicros", r.restoreMicros());
  }
}
