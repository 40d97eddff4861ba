package io.predump.cli;

import java.nio.file.Path;
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

  static Path of(PositionalParamSpec parameter) {
    return parameter.<Path>getValue().toAbsolutePath().normalize();
  }
}
