package io.predump.cli;

import io.predump.daemon.rpc.ImageForm;
import io.predump.images.DirectoryFill;
import java.util.Locale;
import picocli.CommandLine.Model.OptionSpec;

/** {@code --criu-images}: what clients of CRIU's RPC find in their directories. */
final class RpcImages {
  static final String OPTION = "--criu-images";
  static final String LABEL = "FORM";
  static final String DESCRIPTION =
      "What a client of CRIU's RPC finds in its directory: raw, images as CRIU's own, or"
          + " compressed, the chain in "
          + DirectoryFill.CHAIN
          + " for predump restore and export (default: raw).";

  private RpcImages() {}

  static OptionSpec option() {
    return OptionSpec.builder(OPTION)
        .paramLabel(LABEL)
        .type(String.class)
        .defaultValue("raw")
        .description(DESCRIPTION)
        .build();
  }

  /**
   * {@return the form of that name}
   *
   * @throws IllegalArgumentException if there is none
   */
  static ImageForm parse(String text) {
    for (ImageForm form : ImageForm.values()) {
      if (form.name().toLowerCase(Locale.ROOT).equals(text)) {
        return form;
      }
    }
    throw new IllegalArgumentException("raw or compressed: " + text);
  }
}
