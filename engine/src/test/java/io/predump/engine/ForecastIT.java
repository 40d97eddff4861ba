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
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code probe} forecasts is what then happens, within a fifth. */
final class ForecastIT {
  private static final SessionOptions SESSION = SessionOptions.defaults("test");

  /** No limit on the downtime: every rule but that one may end the rounds. */
  private static final LoopOptions RUN =
      new LoopOptions(3, Duration.ZERO, Optional.empty(), FinalMode.FREEZE, false);

  private static final double TOLERANCE = 0.2;

  /** What a forecast takes a commit to take. */
  private static final double COMMIT_MICROS = 20_000;

  private static final int TURNS = 3;
  private static final double MIB = 1 << 20;

  @TempDir Path directory;

  private int runs;

  /** With a bound, so that a round's time depends on what it reads and not on who else is busy. */
  private static SessionOptions gentle(int mebibytesPerSecond) {
    return SESSION.withLimits(CopyLimits.NONE.withBytesPerSecond((long) mebibytesPerSecond << 20));
  }

  /** One run, in the words of a forecast. */
  private record Happened(double bytesPerSecond, double readBytes, double freezeBytes) {}

  private Happened run(Pid pid, SessionOptions session) throws IOException {
    Path images = directory.resolve("run" + runs++);
    try (PreDumpSession attached = PreDumpSession.attach(pid, images, session)) {
      RunResult result = new PreDumpLoop(attached, RUN, LoopListener.SILENT).run();
      List<RoundRecord> live = result.rounds().subList(0, result.rounds().size() - 1);
      double read = live.stream().mapToLong(round -> round.bytes().read()).sum();
      double copying =
          live.stream().mapToLong(round -> round.totalMicros() - round.scanMicros()).sum();
      return new Happened(
          read * 1e6 / (copying - COMMIT_MICROS * live.size()),
          read,
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

  /**
   * A run says how fast this machine copies. Then forecasts and runs in turn: others share the
   * machine, and what both meet in the middle is the target's doing.
   */
  private ProbeResult.Outlook forecastHolds(String what, Pid pid, SessionOptions session)
      throws IOException {
    run(pid, session);
    double throughput = run(pid, session).bytesPerSecond;
    List<ProbeResult.Outlook> forecast = new ArrayList<>();
    List<Happened> happened = new ArrayList<>();
    for (int i = 0; i < TURNS; i++) {
      forecast.add(probe(pid, throughput).outlook().orElseThrow());
      happened.add(run(pid, session));
    }
    double read = middle(happened.stream().map(Happened::readBytes));
    double freeze = middle(happened.stream().map(Happened::freezeBytes));
    double readForecast = middle(forecast.stream().map(o -> (double) o.readBytes()));
    double freezeForecast = middle(forecast.stream().map(o -> (double) o.freezeBytes()));
    System.out.printf(
        "%s at %.0f MB/s: forecast %.1f MiB, freeze %.1f MiB; then %.1f MiB, freeze %.1f MiB%n",
        what, throughput / 1e6, readForecast / MIB, freezeForecast / MIB, read / MIB, freeze / MIB);
    assertThat(readForecast)
        .as("bytes read by live rounds")
        .isBetween(read * (1 - TOLERANCE), read * (1 + TOLERANCE));
    assertThat(freezeForecast)
        .as("bytes read frozen")
        .isBetween(freeze * (1 - TOLERANCE), freeze * (1 + TOLERANCE));
    return forecast.get(0);
  }

  private static double middle(Stream<Double> values) {
    return values.sorted().skip(TURNS / 2).findFirst().orElseThrow();
  }

  @Test
  void ofAUniformWriter() throws IOException {
    try (LiveTarget target = Targets.ready("paced", 256, 256, 30_000, 0)) {
      forecastHolds("uniform", target.pid(), gentle(200));
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
    assumeTrue(
        Files.isExecutable(Path.of("/usr/bin/redis-server")), "redis-server is not installed");
    try (PacedRedis redis = PacedRedis.start(directory)) {
      redis.setKeys(12_000);
      LiveTarget.pause(1000);
      long before = redis.served();
      long began = System.nanoTime();
      forecastHolds("redis", redis.server().pid(), gentle(80));
      double perSecond = (redis.served() - before) * 1e9 / (System.nanoTime() - began);
      assertThat(perSecond).as("the load went on").isBetween(11_000.0, 13_000.0);
    }
  }
}
