package io.predump.cli;

import java.nio.file.Path;
import picocli.CommandLine.Model.OptionSpec;

/** {@code predump demo}: all of it on a process of its own. */
final class DemoCommand extends Command {
  private final OptionSpec redis =
      flag("--redis", "Copy a redis-server under load instead; needs redis-server installed.");
  private final OptionSpec keep =
      OptionSpec.builder("--keep")
          .paramLabel("DIR")
          .type(Path.class)
          .description("Keep the images in this directory.")
          .build();

  DemoCommand(Terminal terminal) {
    super(
        terminal,
        "demo",
        "Starts a process that writes all the time, copies it, freezes it shortly, and verifies"
            + " every page.",
        "sudo predump demo",
        "sudo predump demo --redis --keep /var/tmp/images");
    spec().addOption(redis).addOption(keep);
  }

  @Override
  public Integer call() throws Exception {
    DemoProgram.Starter starter = isSet(redis) ? RedisProgram::start : WritingProgram::start;
    return new Demo(terminal(), starter, keep.getValue(), json()).run();
  }
}
