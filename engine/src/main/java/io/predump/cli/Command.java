package io.predump.cli;

import java.time.Duration;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;

/** What all commands have: a name, a help text with an example, {@code --json}. */
abstract class Command implements Callable<Integer> {
  private final Terminal terminal;
  private final CommandSpec spec = CommandSpec.wrapWithoutInspection(this);
  private final OptionSpec json =
      OptionSpec.builder("--json")
          .type(boolean.class)
          .description("Print one JSON object on standard output, and nothing else there.")
          .build();
  private final OptionSpec help =
      OptionSpec.builder("-h", "--help")
          .type(boolean.class)
          .usageHelp(true)
          .description("Show this help.")
          .build();

  /**
   * Names the command.
   *
   * @param description first line of the help
   * @param example what a user may type, without comment
   */
  Command(Terminal terminal, String name, String description, String... example) {
    this.terminal = terminal;
    spec.name(name);
    spec.usageMessage()
        .description(description)
        .descriptionHeading("%n")
        .optionListHeading("%nOptions:%n");
    String[] footer = new String[example.length + 2];
    footer[0] = "";
    footer[1] = "Example:";
    for (int i = 0; i < example.length; i++) {
      footer[i + 2] = "  " + example[i];
    }
    spec.usageMessage().footer(footer).sortOptions(false).width(100);
  }

  /** Adds the options every command has after the command's own; to be called once. */
  final CommandSpec completeSpec() {
    return spec.addOption(json).addOption(help);
  }

  final CommandSpec spec() {
    return spec;
  }

  final Terminal terminal() {
    return terminal;
  }

  final boolean json() {
    return isSet(json);
  }

  /** {@return whether a flag was given} */
  static boolean isSet(OptionSpec flag) {
    return Boolean.TRUE.equals(flag.<Boolean>getValue());
  }

  /** A flag. */
  static OptionSpec flag(String name, String description) {
    return OptionSpec.builder(name).type(boolean.class).description(description).build();
  }

  /** The process that a command is about. */
  static OptionSpec tree(String deed) {
    return OptionSpec.builder("-t", "--tree")
        .paramLabel("PID")
        .type(int.class)
        .required(true)
        .description("The process to " + deed + ", with everything below it.")
        .build();
  }

  /** A time. */
  static OptionSpec time(String name, String description) {
    return time(name, null, description);
  }

  /** A time that has a default, as a user would type it. */
  static OptionSpec time(String name, @Nullable String defaultValue, String description) {
    return OptionSpec.builder(name)
        .paramLabel("TIME")
        .type(Duration.class)
        .converters(Converters.DURATION)
        .defaultValue(defaultValue)
        .description(description)
        .build();
  }

  /** {@return a failure of the request itself, exit code 2} */
  final ParameterException usage(String message) {
    CommandLine commandLine = spec.commandLine();
    return new ParameterException(commandLine, message);
  }

  /** Runs the command; its exit code comes from {@link ExitCodes}. */
  @Override
  public abstract Integer call() throws Exception;
}
