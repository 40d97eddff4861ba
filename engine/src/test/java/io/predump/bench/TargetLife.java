package io.predump.bench;

import static io.predump.bench.Setting.say;
import static io.predump.bench.Setting.text;
import static io.predump.bench.Setting.values;

import io.predump.bench.Report.Verdict;
import io.predump.engine.CopyLimits;
import io.predump.engine.PreDumpSession;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * What a Redis under load notices of rounds: its throughput and latency undisturbed and with rounds
 * one after the other, the first one too, in turns. Client, server and engine share the machine.
 */
final class TargetLife {
  /** Of one core: what a caller may allow a copy beside a service that has none to spare. */
  static final int CPU_PERCENT = 5;

  private static final int KEYS = 300_000;
  private static final int PAIRS = 4;
  private static final double RATE_GOAL = 0.97;
  private static final double LATENCY_GOAL = 1.2;
  private static final long BETWEEN_ROUNDS_MILLIS = 500;
  private static final double MAPPING_GOAL = 0.7;
  private static final String MAPPING_SECONDS = "3";

  private static final CopyLimits BOUNDED = CopyLimits.NONE.withCpuPercent(CPU_PERCENT);

  /** Next to nothing is read: what the target still notices are its own first writes. */
  private static final CopyLimits UNREAD = CopyLimits.NONE.withBytesPerSecond(1 << 20);

  private final Setting setting;
  private final BarChart latencies;
  private final Path socket;

  /**
   * @param latencies gets the bars
   */
  TargetLife(Setting setting, BarChart latencies) {
    this.setting = setting;
    this.latencies = latencies;
    this.socket = setting.work().resolve("redis.sock");
  }

  /** One way to load, with and without rounds beside it. */
  private static final class Pairs {
    final Samples rate = new Samples();
    final Samples p50 = new Samples();
    final Samples p99 = new Samples();
    final Samples p999 = new Samples();

    void add(RedisLoad load) {
      rate.add(load.perSecond());
      p50.add(load.p50Millis());
      p99.add(load.p99Millis());
      p999.add(load.p999Millis());
    }
  }

  /** Measures, and adds the lines. */
  void run(Report report) throws IOException {
    redis(report);
    mapping(report);
  }

  /** A program that does nothing but map, touch and unmap. */
  private void mapping(Report report) throws IOException {
    say("a program that maps and unmaps");
    Samples alone = new Samples();
    Samples beside = new Samples();
    for (int i = 0; i < PAIRS; i++) {
      try (LiveTarget mapper = LiveTarget.start(setting.program("mapper"), MAPPING_SECONDS)) {
        mapper.await("ready");
        alone.add(Double.parseDouble(mapper.answer(LiveTarget.SIGUSR1)));
        beside.add(
            disturbed(
                mapper, BOUNDED, () -> Double.parseDouble(mapper.answer(LiveTarget.SIGUSR1))));
      }
    }
    double rate = beside.over(alone).median();
    report.line(
        text("mmap-heavy target, rounds at %d %% of a core", CPU_PERCENT),
        text("%.0f turns", beside.median()),
        text("%.0f turns", alone.median()),
        text("%.2f", rate),
        text(">= %.2f", MAPPING_GOAL),
        Verdict.of(rate >= MAPPING_GOAL),
        values("besideTurns", beside, "aloneTurns", alone));
  }

  private void redis(Report report) throws IOException {
    try (LiveTarget redis =
        LiveTarget.start(
            "redis-server",
            "--port",
            "0",
            "--unixsocket",
            socket.toString(),
            "--save",
            "",
            "--daemonize",
            "no",
            "--logfile",
            setting.work().resolve("redis.log").toString())) {
      awaitSocket();
      say("filling redis");
      load(16, KEYS * 2);
      for (int pipeline : List.of(1, 16)) {
        say("redis with pipelines of " + pipeline);
        compare(report, redis, pipeline);
      }
    }
  }

  private void awaitSocket() throws IOException {
    long end = System.nanoTime() + 10_000_000_000L;
    while (!Files.exists(socket)) {
      if (System.nanoTime() > end) {
        throw new IOException("redis-server does not listen at " + socket);
      }
      pause(20);
    }
  }

  private void compare(Report report, LiveTarget redis, int pipeline) throws IOException {
    int requests = pipeline == 1 ? 400_000 : 1_500_000;
    Pairs alone = new Pairs();
    Pairs beside = new Pairs();
    Pairs unread = new Pairs();
    for (int i = 0; i < PAIRS; i++) {
      if (i % 2 == 0) {
        alone.add(load(pipeline, requests));
        beside.add(disturbed(redis, BOUNDED, () -> load(pipeline, requests)));
      } else {
        beside.add(disturbed(redis, BOUNDED, () -> load(pipeline, requests)));
        alone.add(load(pipeline, requests));
      }
      unread.add(disturbed(redis, UNREAD, () -> load(pipeline, requests)));
    }
    bar(pipeline, "p50", "alone", alone.p50, 1);
    bar(pipeline, "p50", "beside rounds", beside.p50, 0);
    bar(pipeline, "p99", "alone", alone.p99, 1);
    bar(pipeline, "p99", "beside rounds", beside.p99, 0);
    double rate = beside.rate.over(alone.rate).median();
    report.line(
        text("redis, pipeline %d, rounds at %d %% of a core", pipeline, CPU_PERCENT),
        text("%.0f requests/s", beside.rate.median()),
        text("%.0f requests/s", alone.rate.median()),
        text("%.2f", rate),
        text(">= %.2f", RATE_GOAL),
        Verdict.of(rate >= RATE_GOAL),
        values("besidePerSecond", beside.rate, "alonePerSecond", alone.rate));
    report.line(
        "  memory protected, next to nothing read",
        text("%.0f requests/s", unread.rate.median()),
        text("%.0f requests/s", alone.rate.median()),
        text("%.2f", unread.rate.over(alone.rate).median()),
        "",
        Verdict.NONE,
        values("unreadPerSecond", unread.rate, "unreadP99Millis", unread.p99));
    double late = beside.p99.over(alone.p99).median();
    report.line(
        "  its p99, p50 " + text("%.2f ms, alone %.2f", beside.p50.median(), alone.p50.median()),
        text("%.2f ms", beside.p99.median()),
        text("%.2f ms", alone.p99.median()),
        text("%.2f", late),
        text("<= %.1f", LATENCY_GOAL),
        Verdict.of(late <= LATENCY_GOAL),
        values("besideP99Millis", beside.p99, "aloneP99Millis", alone.p99));
    report.line(
        "  its p99.9",
        text("%.2f ms", beside.p999.median()),
        text("%.2f ms", alone.p999.median()),
        text("%.2f", beside.p999.over(alone.p999).median()),
        "",
        Verdict.NONE,
        values("besideP999Millis", beside.p999, "aloneP999Millis", alone.p999));
  }

  private void bar(int pipeline, String which, String when, Samples millis, int colour) {
    latencies.add(
        text("pipeline %d, %s", pipeline, which),
        when,
        millis.median(),
        text("%.2f ms", millis.median()),
        colour);
  }

  /** What is measured beside rounds. */
  private interface Work<T> {
    T measure() throws IOException;
  }

  /** Rounds of one session, one after the other, as long as the work lasts. */
  private <T> T disturbed(LiveTarget target, CopyLimits limits, Work<T> work) throws IOException {
    AtomicBoolean over = new AtomicBoolean();
    try (PreDumpSession session =
        PreDumpSession.attach(
            target.pid(), setting.fresh("beside"), setting.options().withLimits(limits))) {
      CompletableFuture<Void> rounds =
          CompletableFuture.runAsync(
              () -> {
                try {
                  while (!over.get()) {
                    session.round();
                    pause(BETWEEN_ROUNDS_MILLIS);
                  }
                } catch (IOException e) {
                  if (!over.get()) {
                    throw new CompletionException(e);
                  }
                }
              });
      try {
        return work.measure();
      } finally {
        over.set(true);
        session.cancel();
        rounds.join();
      }
    }
  }

  private RedisLoad load(int pipeline, int requests) throws IOException {
    return RedisLoad.run(socket, KEYS, pipeline, requests);
  }

  private static void pause(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }
}
