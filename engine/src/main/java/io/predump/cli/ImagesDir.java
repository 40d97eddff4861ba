package io.predump.cli;

import io.predump.images.ImageChain;
import java.io.IOException;
import java.nio.file.Path;
import java.util.OptionalInt;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** The parameter {@code DIR}. */
final class ImagesDir {
  private ImagesDir() {}

  static PositionalParamSpec parameter() {
    return PositionalParamSpec.builder()
        .paramLabel("DIR")
        .type(Path.class)
        .arity("1")
        .required(true)
        .index("0")
        .description("The images directory.")
        .build();
  }

  /** The option {@code -D}, where images are made. */
  static OptionSpec option() {
    return OptionSpec.builder("-D", "--images-dir")
        .paramLabel("DIR")
        .type(Path.class)
        .required(true)
        .description("Where the images go; made if absent. A chain of the same process goes on.")
        .build();
  }

  /** The option {@code --round}. */
  static OptionSpec round(String description) {
    return OptionSpec.builder("--round")
        .paramLabel("N")
        .type(Integer.class)
        .description(description)
        .build();
  }

  /**
   * {@return the round asked for, if any}
   *
   * @throws IllegalArgumentException if it cannot be one
   */
  static OptionalInt roundOf(OptionSpec option) {
    Integer number = option.getValue();
    if (number != null && number < 1) {
      throw new IllegalArgumentException("--round: rounds count from 1: " + number);
    }
    return number == null ? OptionalInt.empty() : OptionalInt.of(number);
  }

  /** Opens a round, the newest if none is asked for. */
  static ImageChain open(Path dir, OptionalInt round) throws IOException {
    return round.isPresent() ? ImageChain.open(dir, round.getAsInt()) : ImageChain.open(dir);
  }

  static Path of(PositionalParamSpec parameter) {
    return parameter.<Path>getValue().toAbsolutePath().normalize();
  }
}
