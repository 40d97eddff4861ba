package io.predump.cli;

import io.predump.engine.CopyLimits;
import io.predump.engine.SessionOptions;
import io.predump.engine.TrackerChoice;
import java.nio.file.Path;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** The options that say how a session copies: of {@code run} and of {@code attach}. */
final class CopySettings {
  private final OptionSpec maxBandwidth =
      OptionSpec.builder("--max-bandwidth")
          .paramLabel("SIZE/s")
          .type(Long.class)
          .converters(Converters.RATE)
          .description("Read no faster in live rounds, at least 1MiB/s.")
          .build();
  private final OptionSpec maxCpu =
      OptionSpec.builder("--max-cpu")
          .paramLabel("PERCENT")
          .type(Integer.class)
          .description("Let the threads that copy use so much of one core in live rounds.")
          .build();
  private final OptionSpec pace =
      Command.flag(
          "--pace",
          "Read at most 1.25 times as fast as the process writes, at least 64MiB/s: gentle to its"
              + " cache.");
  private final OptionSpec level =
      OptionSpec.builder("--level")
          .paramLabel("N|auto")
          .type(Integer.class)
          .converters(Converters.LEVEL)
          .defaultValue("1")
          .description(
              "zstd level, 1 to 19, or auto: whichever copies fastest, and what does not compress"
                  + " is stored as it is (default: 1).")
          .build();
  private final OptionSpec threads =
      OptionSpec.builder("--threads")
          .paramLabel("N")
          .type(int.class)
          .description("Threads that read and compress (default: one per core).")
          .build();
  private final OptionSpec tracker =
      OptionSpec.builder("--tracker")
          .paramLabel("auto|uffd-wp|soft-dirty|compare")
          .type(TrackerChoice.class)
          .converters(Converters.TRACKER)
          .defaultValue("auto")
          .description("What finds written pages (default: auto, the best this kernel offers).")
          .build();
  private final OptionSpec freezeCgroup =
      OptionSpec.builder("--freeze-cgroup")
          .paramLabel("PATH")
          .type(Path.class)
          .description("Freeze by this cgroup, v2 or v1, not by ptrace; it must hold the tree.")
          .build();
  private final OptionSpec single =
      Command.flag("--single", "Copy the process alone, not those below it.");
  private final OptionSpec allowDeviceWriters =
      Command.flag(
          "--allow-device-writers",
          "Take a process although a device (RDMA, VFIO, AF_XDP, GPU) may write its memory unseen;"
              + " its rounds are marked as not verified.");
  private final OptionSpec restoreThp =
      Command.flag(
          "--restore-thp", "Put huge pages that tracking split together again at the end.");

  /** Adds the options to the command's. */
  void addTo(CommandSpec spec) {
    spec.addOption(maxBandwidth)
        .addOption(maxCpu)
        .addOption(pace)
        .addOption(level)
        .addOption(threads)
        .addOption(tracker)
        .addOption(freezeCgroup)
        .addOption(single)
        .addOption(allowDeviceWriters)
        .addOption(restoreThp);
  }

  /** {@return whether the process alone is meant} */
  boolean single() {
    return Command.isSet(single);
  }

  /**
   * {@return what the options say}
   *
   * @throws IllegalArgumentException if a value is out of bounds
   */
  SessionOptions options() {
    SessionOptions options =
        SessionOptions.defaults(Main.version())
            .withLevel(level.<Integer>getValue())
            .withTracker(tracker.<TrackerChoice>getValue())
            .withSingle(single())
            .withAllowDeviceWriters(Command.isSet(allowDeviceWriters))
            .withRestoreThp(Command.isSet(restoreThp))
            .withLimits(limits());
    Integer workers = threads.getValue();
    if (workers != null) {
      options = options.withThreads(workers);
    }
    Path cgroup = freezeCgroup.getValue();
    return cgroup == null ? options : options.withFreezeCgroup(cgroup);
  }

  private CopyLimits limits() {
    CopyLimits limits = CopyLimits.NONE.withPaced(Command.isSet(pace));
    Long bandwidth = maxBandwidth.getValue();
    if (bandwidth != null) {
      limits = limits.withBytesPerSecond(bandwidth);
    }
    Integer percent = maxCpu.getValue();
    return percent == null ? limits : limits.withCpuPercent(percent);
  }
}
