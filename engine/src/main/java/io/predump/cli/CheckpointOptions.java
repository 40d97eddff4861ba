package io.predump.cli;

import io.predump.criu.AfterDump;
import io.predump.criu.CriuDump;
import io.predump.criu.CriuMode;
import io.predump.criu.CriuProgram;
import io.predump.criu.DumpOptions;
import io.predump.daemon.FinishRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.TypeConversionException;

/** The options of {@code run} that only {@code --final criu} has a use for. */
final class CheckpointOptions {
  private final OptionSpec criu =
      OptionSpec.builder("--criu")
          .paramLabel("PROGRAM")
          .type(Path.class)
          .description(
              "With --final criu: the criu to run, 4.0 or newer (default: "
                  + CriuProgram.VARIABLE
                  + ", else the first criu on PATH).")
          .build();
  private final OptionSpec mode =
      OptionSpec.builder("--criu-mode")
          .paramLabel("auto|veil|lazy")
          .type(CriuMode.class)
          .converters(new ModeConverter())
          .defaultValue("auto")
          .description(
              "How criu is kept from copying private memory: a preloaded library hides it, or its"
                  + " own --lazy-pages (default: auto, the veil unless criu cannot preload).")
          .build();
  private final OptionSpec leaveRunning =
      Command.flag("--leave-running", "The tree runs on as soon as everything is read.");
  private final OptionSpec leaveStopped =
      Command.flag("--leave-stopped", "The tree stays, stopped; without either option it ends.");
  private final OptionSpec noVerify =
      Command.flag(
          "--no-verify",
          "End the tree as soon as the checkpoint is durable, without comparing it with memory.");
  private final OptionSpec expand =
      Command.flag(
          "--expand",
          "Write the checkpoint a second time, as raw images in DIR/NNNN.criu that criu restore"
              + " takes as they are.");
  private final PositionalParamSpec extra;

  /**
   * @param index which positional parameters are CRIU's
   */
  CheckpointOptions(String index) {
    extra =
        PositionalParamSpec.builder()
            .index(index)
            .paramLabel("-- CRIU ARGUMENTS")
            .arity("0..*")
            .type(List.class)
            .auxiliaryTypes(String.class)
            .description("With --final criu: handed to criu dump, such as -- --tcp-established.")
            .build();
  }

  /** Adds the options to the command's. */
  void addTo(CommandSpec spec) {
    spec.addOption(criu)
        .addOption(mode)
        .addOption(leaveRunning)
        .addOption(leaveStopped)
        .addOption(noVerify)
        .addOption(expand)
        .addPositional(extra);
  }

  /**
   * Refuses what does not go together.
   *
   * @param wanted whether the run ends with a checkpoint
   * @param arguments as typed
   * @throws IllegalArgumentException saying what
   */
  void require(boolean wanted, List<String> arguments) {
    if (!extraArguments().isEmpty() && !arguments.contains("--")) {
      throw new IllegalArgumentException("what is this: " + String.join(" ", extraArguments()));
    }
    if (!wanted) {
      refuse(criu.getValue() != null, "--criu");
      refuse(Command.isSet(leaveRunning), "--leave-running");
      refuse(Command.isSet(leaveStopped), "--leave-stopped");
      refuse(Command.isSet(noVerify), "--no-verify");
      refuse(expands(), "--expand");
      refuse(mode.<CriuMode>getValue() != CriuMode.AUTO, "--criu-mode");
      refuse(!extraArguments().isEmpty(), "-- CRIU ARGUMENTS");
    }
    if (Command.isSet(leaveRunning) && Command.isSet(leaveStopped)) {
      throw new IllegalArgumentException("--leave-running and --leave-stopped exclude each other");
    }
  }

  private static void refuse(boolean given, String option) {
    if (given) {
      throw new IllegalArgumentException(option + " needs --final criu");
    }
  }

  /** {@return whether the tree is to end, or stay stopped, only after a comparison} */
  boolean verifiesFirst() {
    return afterDump() != AfterDump.RUNNING && !Command.isSet(noVerify);
  }

  /** {@return whether raw images are to be written too} */
  boolean expands() {
    return Command.isSet(expand);
  }

  /** {@return whether the tree stands still until the checkpoint is durable} */
  boolean holds() {
    return afterDump() != AfterDump.RUNNING;
  }

  private AfterDump afterDump() {
    if (Command.isSet(leaveRunning)) {
      return AfterDump.RUNNING;
    }
    return Command.isSet(leaveStopped) ? AfterDump.STOPPED : AfterDump.KILLED;
  }

  private List<String> extraArguments() {
    List<String> given = extra.getValue();
    return given == null ? List.of() : given;
  }

  /** {@return the dump, prepared; the caller closes it} */
  CriuDump prepare(Optional<Path> freezeCgroup) throws IOException {
    return CriuDump.prepare(
        CriuProgram.find(Optional.ofNullable(criu.<Path>getValue())),
        new DumpOptions(mode.<CriuMode>getValue(), afterDump(), freezeCgroup, extraArguments()));
  }

  /**
   * {@return the end to ask a daemon for}
   *
   * @param end how it ends
   * @throws IllegalArgumentException if that does not go together
   */
  FinishRequest request(FinalSettings end) {
    Path program = criu.getValue();
    return new FinishRequest(
        end.mode(),
        end.verify() || (end.wantsCheckpoint() && verifiesFirst()),
        Optional.ofNullable(program).map(Path::toAbsolutePath),
        new DumpOptions(
            mode.<CriuMode>getValue(), afterDump(), Optional.empty(), extraArguments()));
  }

  private static final class ModeConverter implements ITypeConverter<CriuMode> {
    @Override
    public CriuMode convert(String value) {
      for (CriuMode mode : CriuMode.values()) {
        if (mode.name().toLowerCase(Locale.ROOT).equals(value)) {
          return mode;
        }
      }
      throw new TypeConversionException("not auto, veil or lazy: " + value);
    }
  }
}
