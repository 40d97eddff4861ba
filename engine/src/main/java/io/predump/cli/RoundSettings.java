package io.predump.cli;

import io.predump.engine.FinalMode;
import io.predump.engine.LoopOptions;
import java.time.Duration;
import java.util.Optional;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** The options that bound live rounds: of {@code run} and of {@code round}. */
final class RoundSettings {
  private final OptionSpec rounds;
  private final OptionSpec downtimeLimit =
      Command.time(
          "--downtime-limit",
          "20ms",
          "Stop the rounds when the freeze would be this short (default: 20ms).");
  private final OptionSpec deadline =
      Command.time("--deadline", "Begin no live round after this time, such as 500ms, 1.5s, 2m.");
  private final OptionSpec byteBudget =
      OptionSpec.builder("--byte-budget")
          .paramLabel("SIZE")
          .type(Long.class)
          .converters(Converters.SIZE)
          .description(
              "Take no round that would make the live ones store more than this; the first is"
                  + " taken.")
          .build();

  /**
   * @param standard how many rounds without the option, in words
   */
  RoundSettings(String standard) {
    rounds =
        OptionSpec.builder("--rounds")
            .paramLabel("N|none")
            .type(Integer.class)
            .converters(Converters.ROUNDS)
            .description(
                "Live rounds at most, the final one not counted; 0 or none: no limit (default: "
                    + standard
                    + ").")
            .build();
  }

  /** Adds the options to the command's. */
  void addTo(CommandSpec spec) {
    spec.addOption(rounds).addOption(downtimeLimit).addOption(deadline).addOption(byteBudget);
  }

  /**
   * {@return what the options say}
   *
   * @param standard how many rounds without the option
   * @throws IllegalArgumentException if a value is out of bounds
   */
  LoopOptions options(int standard, FinalMode finalMode, boolean verify) {
    Integer most = rounds.getValue();
    Long budget = byteBudget.getValue();
    LoopOptions options =
        new LoopOptions(
            most == null ? standard : most,
            downtimeLimit.<Duration>getValue(),
            Optional.ofNullable(deadline.<Duration>getValue()),
            finalMode,
            verify);
    return budget == null ? options : options.withByteBudget(budget);
  }
}
