package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.predump.images.ChainVerifier;
import io.predump.images.RoundRecord;
import io.predump.linux.Pid;
import io.predump.linux.proc.ProcessTree;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The real server, serving while it is copied. */
final class RedisIT {
  private static final SessionOptions OPTIONS = SessionOptions.defaults("test");

  @TempDir Path directory;

  @BeforeEach
  void redisIsInstalled() {
    for (String program : List.of("redis-server", "redis-benchmark", "redis-cli")) {
      assumeTrue(Files.isExecutable(Path.of("/usr/bin", program)), program + " is not installed");
    }
  }

  private LiveTarget server() throws Exception {
    LiveTarget server =
        LiveTarget.start(
            List.of(
                "redis-server",
                "--port",
                "0",
                "--unixsocket",
                socket(),
                "--save",
                "",
                "--dir",
                directory.toString()));
    try {
      Targets.await("PONG", () -> Files.exists(Path.of(socket())) && cli("PING").equals("PONG"));
      return server;
    } catch (IOException | RuntimeException | Error e) {
      server.close();
      throw e;
    }
  }

  private String socket() {
    return directory.resolve("s").toString();
  }

  private String cli(String... words) throws IOException {
    List<String> command = new ArrayList<>(List.of("redis-cli", "-s", socket()));
    command.addAll(List.of(words));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).trim();
  }

  private Process load(Path output, int requests) throws IOException {
    return new ProcessBuilder(
            "redis-benchmark",
            "-s",
            socket(),
            "-r",
            "100000",
            "-n",
            String.valueOf(requests),
            "-P",
            "4",
            "-d",
            "200",
            "-t",
            "set,get",
            "-q")
        .redirectErrorStream(true)
        .redirectOutput(output.toFile())
        .start();
  }

  private long info(String key) throws IOException {
    for (String line : cli("INFO").split("\r?\n", -1)) {
      if (line.startsWith(key + ":")) {
        return Long.parseLong(line.substring(key.length() + 1).trim());
      }
    }
    throw new IOException("INFO says nothing of " + key);
  }

  @Test
  void noPageDiffersUnderLoadAndNoClientNotices() throws Exception {
    Path images = directory.resolve("images");
    Path output = directory.resolve("benchmark.txt");
    try (LiveTarget server = server()) {
      Process clients = load(output, 600_000);
      try {
        Targets.await("a data set", () -> info("used_memory") > 12 << 20);
        long uptime = info("uptime_in_seconds");
        VerifyResult verify;
        try (PreDumpSession session = PreDumpSession.attach(server.pid(), images, OPTIONS)) {
          for (int round = 1; round <= 4; round++) {
            assertThat(session.round()).map(RoundRecord::round).hasValue(round);
            LiveTarget.pause(50);
          }
          assertThat(clients.isAlive()).as("still under load").isTrue();
          verify = session.finish(true).orElseThrow().verify().orElseThrow();
        }
        assertThat(verify.firstDifferences()).isEmpty();
        assertThat(verify.different()).isZero();
        assertThat(verify.compared()).isGreaterThan(2000);

        assertThat(clients.waitFor(120, TimeUnit.SECONDS)).as("clients end").isTrue();
        assertThat(clients.exitValue()).isZero();
        assertThat(Files.readString(output))
            .containsIgnoringCase("requests per second")
            .doesNotContainIgnoringCase("error")
            .doesNotContainIgnoringCase("closed");
        assertThat(cli("PING")).isEqualTo("PONG");
        assertThat(info("process_id")).isEqualTo(server.pid().number());
        assertThat(info("uptime_in_seconds")).isGreaterThanOrEqualTo(uptime);
        assertThat(info("total_error_replies")).isZero();
        assertThat(new ChainVerifier(2).verify(images).problems()).isEmpty();
      } finally {
        clients.destroyForcibly().waitFor();
      }
    }
  }

  @Test
  void noPageDiffersWhenTheServerForksToSaveDuringTheRounds() throws Exception {
    try (LiveTarget server = server()) {
      Process clients = load(directory.resolve("benchmark.txt"), 600_000);
      try {
        Targets.await("a data set", () -> info("used_memory") > 12 << 20);
        assertThat(cli("CONFIG", "SET", "rdb-key-save-delay", "50")).isEqualTo("OK");
        try (PreDumpSession session =
            PreDumpSession.attach(server.pid(), directory.resolve("images"), OPTIONS)) {
          assertThat(session.round()).isPresent();
          assertThat(cli("BGSAVE")).isEqualTo("Background saving started");
          assertThat(session.round()).isPresent();
          assertThat(session.round()).isPresent();
          assertThat(info("rdb_bgsave_in_progress")).as("the child lives").isEqualTo(1);
          assertThat(session.finish(true).orElseThrow().verify().orElseThrow().firstDifferences())
              .isEmpty();
        }
        assertThat(clients.waitFor(120, TimeUnit.SECONDS)).isTrue();
        assertThat(clients.exitValue()).isZero();
        assertThat(cli("PING")).isEqualTo("PONG");
      } finally {
        clients.destroyForcibly().waitFor();
      }
    }
  }

  @Test
  void readingAServerThatHasForkedDoesNotDoubleItsMemory() throws Exception {
    try (LiveTarget server = server()) {
      Process clients = load(directory.resolve("benchmark.txt"), 200_000);
      assertThat(clients.waitFor(120, TimeUnit.SECONDS)).isTrue();
      assertThat(cli("CONFIG", "SET", "rdb-key-save-delay", "300")).isEqualTo("OK");
      assertThat(cli("BGSAVE")).isEqualTo("Background saving started");
      Targets.await("a child", () -> !ProcessTree.children(server.pid()).isEmpty());
      Pid child = ProcessTree.children(server.pid()).get(0);
      long before = privateKib(server.pid()) + privateKib(child);
      long resident = rollup(server.pid(), "Rss");
      assertThat(before).as("almost everything is shared").isLessThan(resident / 2);

      try (PreDumpSession session =
          PreDumpSession.attach(server.pid(), directory.resolve("images"), OPTIONS)) {
        RoundRecord first = session.round().orElseThrow();
        long after = privateKib(server.pid()) + privateKib(child);

        assertThat(info("rdb_bgsave_in_progress")).as("the child lives").isEqualTo(1);
        assertThat(first.bytes().read()).isGreaterThan(10 << 20);
        assertThat(after - before).as("KiB un-shared by reading").isLessThan(resident / 4);

        // the control: read the usual way, the same memory is doubled
        PinningReader.read(server.pid());
        long careless = privateKib(server.pid()) + privateKib(child);
        assertThat(info("rdb_bgsave_in_progress")).as("the child lives").isEqualTo(1);
        assertThat(careless - before).as("KiB un-shared").isGreaterThan(resident / 4);
      }
      cli("SHUTDOWN", "NOSAVE", "FORCE");
    }
  }

  /** What is not shared, in KiB. */
  private static long privateKib(Pid pid) throws IOException {
    return rollup(pid, "Private_Dirty") + rollup(pid, "Private_Clean");
  }

  private static long rollup(Pid pid, String key) throws IOException {
    return Targets.statusNumber(Path.of(pid.procPath("smaps_rollup")), key);
  }
}
