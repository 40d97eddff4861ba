package io.predump.cli;

import io.predump.daemon.SessionLimits;
import io.predump.daemon.rpc.CriuRpcServer;
import io.predump.daemon.rpc.ImageForm;
import io.predump.daemon.rpc.RpcService;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Model.OptionSpec;

/** {@code predump service}: CRIU's RPC on a socket of its own, and nothing else. */
final class ServiceCommand extends Command {
  private static final long LOOK_MILLIS = 500;

  private final OptionSpec address =
      OptionSpec.builder("--address")
          .paramLabel("PATH")
          .type(Path.class)
          .defaultValue("/run/predump-criu.sock")
          .description("The socket to listen on, made with mode 0600 (default: ${DEFAULT-VALUE}).")
          .build();
  private final OptionSpec stateDir =
      OptionSpec.builder("--state-dir")
          .paramLabel("DIR")
          .type(Path.class)
          .defaultValue("/var/lib/predump")
          .description(
              "Where the compressed rounds lie as long as their session lives (default:"
                  + " ${DEFAULT-VALUE}).")
          .build();
  private final OptionSpec idle =
      time(
          "--idle",
          "End a session of which nobody asked anything for so long, and, when nobody has been"
              + " connected and no session has lived for so long, the service (default: never).");
  private final OptionSpec criu = SwrkCommand.criuOption();
  private final OptionSpec images = RpcImages.option();

  ServiceCommand(Terminal terminal) {
    super(
        terminal,
        "service",
        "Serves CRIU's RPC on a socket, as criu service does; keeps sessions between requests.",
        "predump service --address /run/predump-criu.sock");
    spec().addOption(address).addOption(stateDir).addOption(idle).addOption(criu).addOption(images);
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    ImageForm form = form();
    Optional<Duration> patience = Optional.ofNullable(idle.<Duration>getValue());
    Path state =
        Files.createDirectories(
            stateDir.<Path>getValue().toAbsolutePath(),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    SessionLimits limits =
        patience.map(SessionLimits.DEFAULT::withIdleTimeout).orElse(SessionLimits.DEFAULT);
    CountDownLatch stopped = new CountDownLatch(1);
    try (RpcHost host =
            RpcHost.begin(
                limits,
                state.resolve(RpcService.CHAINS),
                Optional.ofNullable(criu.<Path>getValue()),
                form);
        CriuRpcServer server =
            CriuRpcServer.start(host.service(), address.<Path>getValue().toAbsolutePath());
        Interruption.Scope scope =
            terminal().interruption().stopBy(stopped::countDown, DaemonCommand.STOP_GRACE)) {
      if (!json()) {
        terminal().err().println("predump: serving CRIU's RPC on " + address.getValue());
      }
      await(host, server, patience, stopped);
    }
    if (json()) {
      Json.print(terminal().out(), fields -> {});
    }
    return ExitCodes.DONE;
  }

  private static void await(
      RpcHost host, CriuRpcServer server, Optional<Duration> patience, CountDownLatch stopped)
      throws InterruptedException {
    long busyNanos = System.nanoTime();
    while (!stopped.await(LOOK_MILLIS, TimeUnit.MILLISECONDS)) {
      long now = System.nanoTime();
      if (host.sessions().count() > 0 || server.idleNanos() == 0) {
        busyNanos = now;
      }
      if (patience.isPresent() && now - busyNanos > patience.get().toNanos()) {
        return;
      }
    }
  }

  private ImageForm form() {
    try {
      return RpcImages.parse(images.getValue());
    } catch (IllegalArgumentException e) {
      throw usage(RpcImages.OPTION + ": " + e.getMessage());
    }
  }
}
