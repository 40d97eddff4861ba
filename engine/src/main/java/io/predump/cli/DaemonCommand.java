package io.predump.cli;

import io.predump.daemon.Daemon;
import io.predump.daemon.DaemonOptions;
import io.predump.daemon.ServerLimits;
import io.predump.daemon.SessionLimits;
import io.predump.daemon.rpc.ImageForm;
import io.predump.engine.CopyLimits;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.function.Function;
import picocli.CommandLine.Model.OptionSpec;

/** {@code predump daemon}: keeps sessions between the steps of a dump. */
final class DaemonCommand extends Command {
  private final List<OptionSpec> settings = new ArrayList<>();
  private final OptionSpec socket =
      setting("--socket", "PATH", "Where to listen, 0600 (default: " + ClientCommand.SOCKET + ").");
  private final OptionSpec stateDir =
      setting("--state-dir", "DIR", "Keep there what sessions there are, for the next start.");
  private final OptionSpec criuSocket =
      setting(
          "--criu-socket",
          "PATH",
          "Serve CRIU's RPC too, on this socket, 0600; needs --state-dir, where its rounds lie.");
  private final OptionSpec criuImages =
      setting(RpcImages.OPTION, RpcImages.LABEL, RpcImages.DESCRIPTION);
  private final OptionSpec criu =
      setting(
          "--criu",
          "PATH",
          "The real criu, for CRIU's RPC (default: PREDUMP_CRIU, else the first criu on PATH).");
  private final OptionSpec metrics =
      setting("--metrics", "ADDRESS:PORT", "Serve Prometheus metrics on this loopback address.");
  private final OptionSpec maxSessions =
      setting("--max-sessions", "N", "Sessions at a time (default: 1024).");
  private final OptionSpec idleTimeout =
      setting("--idle-timeout", "TIME", "End sessions of which nobody asks anything for so long.");
  private final OptionSpec threads =
      setting("--threads", "N", "Threads of a copy (default: one per core).");
  private final OptionSpec maxMemory =
      setting(
          "--max-memory",
          "SIZE",
          "For buffers; says how many copies run at a time, at least one (default: 512MiB).");
  private final OptionSpec maxBandwidth =
      setting("--max-bandwidth", "SIZE/s", "Read no faster in live rounds of all sessions.");
  private final OptionSpec maxCpu =
      setting("--max-cpu", "PERCENT", "Let all copying in live rounds use so much of one core.");
  private final OptionSpec config =
      OptionSpec.builder("--config")
          .paramLabel("FILE")
          .type(Path.class)
          .description(
              "Options without their dashes, such as max-sessions = 64, a line each; the command"
                  + " line wins.")
          .build();

  /** To let go of many trees; the unit for systemd waits somewhat longer. */
  static final Duration STOP_GRACE = Duration.ofSeconds(8);

  DaemonCommand(Terminal terminal) {
    super(
        terminal,
        "daemon",
        "Keeps sessions between the steps of a dump, until SIGINT or SIGTERM.",
        "predump daemon --socket /run/predump.sock --state-dir /var/lib/predump",
        "predump daemon --metrics 127.0.0.1:9464 --max-bandwidth 500MiB/s");
    settings.forEach(spec()::addOption);
    spec().addOption(config);
  }

  private OptionSpec setting(String option, String label, String description) {
    OptionSpec setting =
        OptionSpec.builder(option)
            .paramLabel(label)
            .type(String.class)
            .description(description)
            .build();
    settings.add(setting);
    return setting;
  }

  @Override
  public Integer call() throws IOException {
    Map<String, String> file = configured();
    DaemonOptions options;
    ImageForm form;
    try {
      options = options(file);
      form = value(criuImages, file, RpcImages::parse).orElse(ImageForm.RAW);
    } catch (IllegalArgumentException e) {
      throw usage(String.valueOf(e.getMessage()));
    }
    CountDownLatch stopped = new CountDownLatch(1);
    try (Interruption.Scope stopping =
            terminal().interruption().stopBy(stopped::countDown, STOP_GRACE);
        Daemon daemon = Daemon.start(options);
        RpcSocket rpc = rpc(daemon, options, form, file)) {
      rpc.tell(terminal().err());
      if (json()) {
        Json.print(
            terminal().out(),
            o -> {
              o.writeStringField("socket", options.socket().toString());
              o.writeNumberField("metricsPort", daemon.metricsPort().orElse(0));
            });
      }
      stopped.await();
      return ExitCodes.DONE;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return ExitCodes.FAILURE;
    }
  }

  private RpcSocket rpc(
      Daemon daemon, DaemonOptions options, ImageForm form, Map<String, String> file)
      throws IOException {
    Optional<Path> path = value(criuSocket, file, DaemonCommand::path);
    if (path.isEmpty()) {
      return RpcSocket.NONE;
    }
    return RpcSocket.open(
        path.get(),
        daemon.sessions(),
        options.threads(),
        options.stateDir().orElseThrow(() -> usage("--criu-socket needs --state-dir")),
        value(criu, file, DaemonCommand::path),
        form);
  }

  /** {@return what the file says, by option; nothing without a file} */
  private Map<String, String> configured() throws IOException {
    Map<String, String> values = new TreeMap<>();
    Path path = config.getValue();
    if (path != null) {
      Properties properties = new Properties();
      try (var reader = Files.newBufferedReader(path)) {
        properties.load(reader);
      } catch (IllegalArgumentException e) {
        throw usage(path + ": " + e.getMessage());
      }
      for (String key : properties.stringPropertyNames()) {
        if (settings.stream().noneMatch(s -> s.longestName().equals("--" + key))) {
          throw usage(path + ": no such option: " + key);
        }
        values.put("--" + key, properties.getProperty(key).strip());
      }
    }
    return values;
  }

  private DaemonOptions options(Map<String, String> file) {
    SessionLimits sessions = SessionLimits.DEFAULT;
    Optional<Integer> most = value(maxSessions, file, Integer::parseInt);
    if (most.isPresent()) {
      sessions = sessions.withSessions(most.get());
    }
    Optional<Duration> idle = value(idleTimeout, file, Durations::parse);
    if (idle.isPresent()) {
      sessions = sessions.withIdleTimeout(idle.get());
    }
    CopyLimits total = CopyLimits.NONE;
    Optional<Long> bandwidth = value(maxBandwidth, file, Sizes::parseRate);
    if (bandwidth.isPresent()) {
      total = total.withBytesPerSecond(bandwidth.get());
    }
    Optional<Integer> percent = value(maxCpu, file, Integer::parseInt);
    if (percent.isPresent()) {
      total = total.withCpuPercent(percent.get());
    }
    int workers =
        value(threads, file, Integer::parseInt).orElse(Runtime.getRuntime().availableProcessors());
    if (workers < 1) {
      throw new IllegalArgumentException("--threads: at least 1: " + workers);
    }
    return new DaemonOptions(
        value(socket, file, DaemonCommand::path).orElse(Path.of(ClientCommand.SOCKET)),
        value(stateDir, file, DaemonCommand::path),
        value(metrics, file, DaemonCommand::address),
        sessions,
        ServerLimits.DEFAULT,
        workers,
        value(maxMemory, file, Sizes::parse).orElse(DaemonOptions.MEMORY_BYTES),
        total,
        Main.version());
  }

  private static <T> Optional<T> value(
      OptionSpec option, Map<String, String> file, Function<String, T> parser) {
    String typed = option.getValue();
    String text = typed == null ? file.get(option.longestName()) : typed;
    if (text == null) {
      return Optional.empty();
    }
    try {
      return Optional.of(parser.apply(text));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(option.longestName() + ": " + e.getMessage(), e);
    }
  }

  private static Path path(String text) {
    return Path.of(text).toAbsolutePath().normalize();
  }

  private static InetSocketAddress address(String text) {
    int colon = text.lastIndexOf(':');
    if (colon < 1) {
      throw new IllegalArgumentException("not an address with a port: " + text);
    }
    return new InetSocketAddress(
        text.substring(0, colon), Integer.parseInt(text.substring(colon + 1)));
  }
}
