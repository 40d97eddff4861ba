package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.predump.images.RoundRecord;
import io.predump.linux.Pid;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code probe} forecasts is what then happens, within a fifth. */
final class ForecastIT {
  private static final SessionOptions SESSION = SessionOptions.defaults("test");

  /** No limit on the downtime: every rule but that one may end the rounds. */
  private static final LoopOptions RUN =
      new LoopOptions(4, Duration.ZERO, Optional.empty(), FinalMode.FREEZE, false);

  private static final double TOLERANCE = 0.2;

  @TempDir Path directory;

  private int runs;

  /** One run, in the words of a forecast. */
  private record Happened(double bytesPerSecond, double readBytes, double freezeBytes) {}

  private Happened run(Pid pid, SessionOptions session) throws IOException {
    Path images = directory.resolve("run" + runs++);
    try (PreDumpSession attached = PreDumpSession.attach(pid, images, session)) {
      RunResult result = new PreDumpLoop(attached, RUN, LoopListener.SILENT).run();
      List<RoundRecord> live = result.rounds().subList(0, result.rounds().size() - 1);
      RoundRecord first = live.get(0);
      return new Happened(
          first.bytes().read() * 1e6 / first.totalMicros(),
          live.stream().mapToLong(round -> round.bytes().read()).sum(),
          result.freeze().orElseThrow().readBytes());
    }
  }

  private static ProbeResult probe(Pid pid, double throughput) throws IOException {
    ProbeOptions options =
        new ProbeOptions(ProbeOptions.SHORT, RUN, OptionalLong.of((long) throughput));
    try (WriteProbe probe = PreDumpSession.probe(pid, SESSION, options)) {
      return probe.watch();
    }
  }

  /** A run says how fast this machine copies; then the forecast, and three runs to hold it to. */
  private ProbeResult.Outlook forecastHolds(String what, Pid pid, SessionOptions session)
      throws IOException {
    run(pid, session);
    double throughput = run(pid, session).bytesPerSecond;
    ProbeResult probed = probe(pid, throughput);
    ProbeResult.Outlook outlook = probed.outlook().orElseThrow();
    List<Happened> happened = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      happened.add(run(pid, session));
    }
    double read = middle(happened.stream().map(Happened::readBytes).toList());
    double freeze = middle(happened.stream().map(Happened::freezeBytes).toList());
    System.out.printf(
        "%s: %s; at %.0f MB/s forecast %d rounds, %.1f MiB, freeze %.1f MiB;"
            + " then %.1f MiB, freeze %.1f MiB %s%n",
        what,
        probed.curve(),
        throughput / 1e6,
        outlook.rounds(),
        outlook.readBytes() / 1048576.0,
        outlook.freezeBytes() / 1048576.0,
        read / 1048576,
        freeze / 1048576,
        happened);
    assertThat((double) outlook.readBytes())
        .as("bytes read by live rounds")
        .isBetween(read * (1 - TOLERANCE), read * (1 + TOLERANCE));
    assertThat((double) outlook.freezeBytes())
        .as("bytes read frozen")
        .isBetween(freeze * (1 - TOLERANCE), freeze * (1 + TOLERANCE));
    return outlook;
  }

  private static double middle(List<Double> values) {
    return values.stream().sorted().skip(values.size() / 2).findFirst().orElseThrow();
  }

  @Test
  void ofAUniformWriter() throws IOException {
    try (LiveTarget target = Targets.ready("paced", 256, 256, 100_000, 0)) {
      forecastHolds("uniform", target.pid(), SESSION);
    }
  }

  @Test
  void ofAHotSetAndAColdDrift() throws IOException {
    try (LiveTarget target = Targets.ready("paced", 256, 24, 200_000, 5_000)) {
      ProbeResult.Outlook outlook = forecastHolds("hot and cold", target.pid(), SESSION);
      assertThat(outlook.freezeBytes()).isGreaterThan(20 << 20);
    }
    try (LiveTarget calm = Targets.ready("paced", 256, 1, 500, 500)) {
      ProbeResult.Outlook other = probe(calm.pid(), 500e6).outlook().orElseThrow();
      assertThat(other.freezeBytes()).as("control: another writer").isLessThan(5 << 20);
    }
  }

  @Test
  void ofRedisUnderLoad() throws Exception {
    for (String program : List.of("redis-server", "redis-benchmark")) {
      assumeTrue(Files.isExecutable(Path.of("/usr/bin", program)), program + " is not installed");
    }
    Path socket = directory.resolve("s");
    try (LiveTarget server =
        LiveTarget.start(
            List.of(
                "redis-server",
                "--port",
                "0",
                "--unixsocket",
                socket.toString(),
                "--save",
                "",
                "--dir",
                directory.toString()))) {
      Targets.await("a socket", () -> Files.exists(socket));
      load(socket, 300_000).waitFor();
      Process clients = load(socket, 100_000_000);
      try {
        LiveTarget.pause(2000);
        // Server, clients and copying at full speed would share the processors: whoever copies
        // slows the writing down, which no probe can know. A bound keeps them apart.
        forecastHolds(
            "redis",
            server.pid(),
            SESSION.withThreads(1).withLimits(CopyLimits.NONE.withBytesPerSecond(100 << 20)));
        assertThat(clients.isAlive()).as("still under load").isTrue();
      } finally {
        clients.destroyForcibly().waitFor();
      }
    }
  }

  private Process load(Path socket, int requests) throws IOException {
    return new ProcessBuilder(
            "nice",
            "redis-benchmark",
            "-s",
            socket.toString(),
            "-r",
            "200000",
            "-n",
            String.valueOf(requests),
            "-d",
            "400",
            "-c",
            "1",
            "-t",
            "set",
            "-q")
        .redirectErrorStream(true)
        .redirectOutput(directory.resolve("benchmark.txt").toFile())
        .start();
  }
}
