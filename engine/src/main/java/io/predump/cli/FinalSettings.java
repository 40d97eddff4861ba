package io.predump.cli;

import io.predump.engine.FinalMode;
import java.util.Locale;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.TypeConversionException;

/** The options that say how it ends: of {@code run} and of {@code finish}. */
final class FinalSettings {
  private final OptionSpec finalMode =
      OptionSpec.builder("--final")
          .paramLabel("none|freeze|criu")
          .type(FinalMode.class)
          .converters(new FinalModeConverter())
          .defaultValue("freeze")
          .description(
              "How it ends: with one short freeze, without, or as a whole checkpoint that predump"
                  + " restore brings back (default: freeze).")
          .build();
  private final OptionSpec verify =
      Command.flag("--verify", "Compare the committed files with the frozen memory.");

  /** Adds the options to the command's. */
  void addTo(CommandSpec spec) {
    spec.addOption(finalMode).addOption(verify);
  }

  FinalMode mode() {
    return finalMode.getValue();
  }

  boolean wantsCheckpoint() {
    return mode() == FinalMode.CRIU;
  }

  /** {@return whether the files are to be compared with memory} */
  boolean verify() {
    return Command.isSet(verify);
  }

  private static final class FinalModeConverter implements ITypeConverter<FinalMode> {
    @Override
    public FinalMode convert(String value) {
      for (FinalMode mode : FinalMode.values()) {
        if (mode.name().toLowerCase(Locale.ROOT).equals(value)) {
          return mode;
        }
      }
      throw new TypeConversionException("not none, freeze or criu: " + value);
    }
  }
}
