package io.predump.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.predump.criu.CriuProgram;
import io.predump.criu.StockCriu;
import io.predump.engine.FinalMode;
import io.predump.engine.LoopListener;
import io.predump.engine.LoopOptions;
import io.predump.engine.SessionOptions;
import io.predump.engine.Targets;
import io.predump.engine.VerifyResult;
import io.predump.images.ChainVerifier;
import io.predump.linux.net.Deadline;
import io.predump.linux.net.UnixSocket;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The daemon as a process: its commands, its life, its death. */
@Timeout(180)
final class DaemonIT {
  private static final SessionOptions OPTIONS = SessionOptions.defaults("test").withThreads(1);

  @TempDir Path directory;

  @Test
  void theCommandsDoInStepsWhatRunDoesAtOnce() throws Exception {
    try (LiveTarget target = Targets.ready("writer", 41, 16, 1000);
        DaemonProcess daemon = DaemonProcess.start(directory)) {
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(daemon.socket)))
          .isEqualTo("rw-------");
      String pid = target.pid().toString();
      String images = directory.resolve("images").toString();
      DaemonProcess.Answer attached =
          daemon.ask("attach", "-t", pid, "-D", images, "--name", "w", "--threads", "1");
      assertThat(attached.exitCode()).as(attached.err()).isZero();
      assertThat(attached.out()).startsWith("session s1 (w): pid=" + pid + " (writer");
      assertThat(attached.err()).startsWith("tracker: ");
      CompletableFuture<DaemonProcess.Answer> watching =
          CompletableFuture.supplyAsync(() -> daemon.ask("watch", "w"));

      DaemonProcess.Answer rounds =
          daemon.ask("round", "w", "--rounds", "2", "--downtime-limit", "0ms");
      assertThat(rounds.exitCode()).as(rounds.err()).isZero();
      assertThat(rounds.out())
          .contains("stopped after 2 live rounds: the limit on live rounds is reached")
          .contains("images: " + images + " (rounds 1 to 2, ");
      assertThat(rounds.err()).contains("round 1: ").contains("round 2: ");
      DaemonProcess.Answer one = daemon.ask("round", "w", "--json");
      assertThat(one.exitCode()).isZero();
      assertThat(one.out()).contains("\"round\": 3").contains("\"stopReason\":");
      assertThat(daemon.ask("list").out()).contains("s1").contains("idle").contains(images);
      assertThat(daemon.ask("status", "w", "--json").out())
          .contains("\"state\": \"IDLE\"")
          .contains("\"rounds\": 3");
      assertThat(daemon.ask("status", pid).out()).contains("state: idle; 3 rounds, idle for ");

      DaemonProcess.Answer end = daemon.ask("finish", "w", "--verify");
      assertThat(end.exitCode()).as(end.err()).isZero();
      assertThat(end.out()).contains(", 0 different").contains("(rounds 1 to 4, ");
      assertThat(watching.get(20, TimeUnit.SECONDS).err()).contains("round 3: ");
      assertThat(new ChainVerifier(1).verify(Path.of(images)).problems()).isEmpty();
      assertThat(daemon.ask("list").out()).doesNotContain("s1");
      Targets.awaitProgress(target);
    }
  }

  @Test
  void theExitCodesAreThoseOfRun() throws Exception {
    DaemonProcess.Answer gone;
    try (DaemonProcess daemon = DaemonProcess.start(directory)) {
      DaemonProcess.Answer unknown = daemon.ask("status", "nobody", "--json");
      assertThat(unknown.exitCode()).isEqualTo(2);
      assertThat(unknown.out()).contains("\"error\": \"no such session\"", "\"exitCode\": 2");
      assertThat(daemon.ask("attach", "-t", "1", "-D", "/proc/nowhere").exitCode()).isNotZero();
      try (LiveTarget target = Targets.ready("writer", 42, 16, 1000)) {
        String pid = target.pid().toString();
        String images = directory.resolve("images").toString();
        assertThat(daemon.ask("attach", "-t", pid, "-D", images, "--name", "x").exitCode())
            .isZero();
        assertThat(daemon.ask("finish", "x", "--leave-running").err())
            .startsWith("predump: --leave-running needs --final criu");
        assertThat(daemon.ask("attach", "-t", pid, "-D", images + "2").exitCode()).isEqualTo(4);
      }
      Targets.await(
          "its end is noticed", () -> daemon.ask("status", "x").out().contains("state: ended"));
      assertThat(daemon.ask("status", "x").exitCode()).isEqualTo(3);
      gone = daemon.ask("round", "x");
      assertThat(gone.exitCode()).isEqualTo(3);
      assertThat(gone.err()).contains("session s", " has ended: the target exited");
      assertThat(daemon.ask("detach", "x").exitCode()).isEqualTo(3);
      assertThat(daemon.ask("status", "x").exitCode()).isEqualTo(2);
      daemon.terminate();
      DaemonProcess.Answer nobody = daemon.ask("list");
      assertThat(nobody.exitCode()).isEqualTo(1);
      assertThat(nobody.err()).contains("no daemon listens there: start predump daemon");
    }
  }

  @Test
  void theServiceManagerIsToldAndSigtermEndsItInGoodOrder() throws Exception {
    Path state = directory.resolve("state");
    String notify = directory.resolve("notify").toString();
    try (UnixSocket manager = UnixSocket.listenForDatagrams(notify);
        LiveTarget target = Targets.ready("writer", 43, 16, 1000);
        DaemonProcess daemon =
            DaemonProcess.start(
                directory, Map.of("NOTIFY_SOCKET", notify), "--state-dir", state.toString())) {
      assertThat(told(manager)).isEqualTo("READY=1");
      try (ControlClient client = daemon.client()) {
        client.attach(AttachRequest.of(target.pid(), directory.resolve("images"), OPTIONS));
        Targets.await("its record", () -> Files.exists(state.resolve("s1.session")));
        assertThat(daemon.terminate()).isEqualTo(143);
      }
      assertThat(told(manager)).isEqualTo("STOPPING=1");
      assertThat(daemon.socket).doesNotExist();
      assertThat(state).isEmptyDirectory();
      assertThat(daemon.log())
          .contains("event=attached session=s1 pid=" + target.pid())
          .contains("event=detached session=s1 why=\"the daemon stops\"")
          .contains("event=stopped");
      Targets.awaitProgress(target);
    }
  }

  private static String told(UnixSocket manager) throws IOException {
    ByteBuffer message = ByteBuffer.allocate(100);
    manager.receive(message, Deadline.after(Duration.ofSeconds(10)));
    return StandardCharsets.US_ASCII.decode(message.flip()).toString();
  }

  /** At random moments of a run in steps: the target lives, the images are good, and it goes on. */
  @Test
  void killedAtAnyMomentItHarmsNobodyAndTheNextOneTellsWhatItHad() throws Exception {
    long seed = Long.getLong("predump.killSeed", System.nanoTime());
    System.out.printf("daemon kills: seed=%d%n", seed);
    Random random = new Random(seed);
    Path state = directory.resolve("state");
    Path images = directory.resolve("images");
    int rounds = 0;
    boolean lost = false;
    try (LiveTarget target = Targets.ready("writer", 44, 48, 300)) {
      for (int kill = 0; kill < 5; kill++) {
        try (DaemonProcess daemon =
            DaemonProcess.start(directory, "--state-dir", state.toString())) {
          if (lost) {
            assertThat(daemon.log())
                .as("seed=%d", seed)
                .contains("event=lost pid=" + target.pid() + " images=\"" + images + "\"")
                .contains("attachable=true");
          }
          try (ControlClient client = daemon.client()) {
            String id = client.attach(AttachRequest.of(target.pid(), images, OPTIONS)).id();
            Targets.await("its record", () -> Files.exists(state.resolve(id + ".session")));
            if (kill > 0) {
              client.rounds(id, oneRound(), LoopListener.SILENT);
            }
            CompletableFuture<Boolean> using = inSteps(client, id, kill % 2 == 1);
            LiveTarget.pause(kill == 0 ? 0 : random.nextInt(1200));
            daemon.kill();
            boolean finished = using.get(20, TimeUnit.SECONDS);
            lost = Files.exists(state.resolve(id + ".session"));
            assertThat(lost || finished || kill % 2 == 1).as("seed=%d", seed).isTrue();
          }
        }
        Targets.awaitProgress(target);
        ChainVerifier.Report report = new ChainVerifier(1).verify(images);
        rounds = report.rounds();
        if (rounds > 0) { // killed before the first one, the directory holds none
          assertThat(report.problems()).as("seed=%d kill=%d", seed, kill).isEmpty();
        }
      }
      System.out.printf("daemon kills: %d rounds were committed between them%n", rounds);
      assertThat(rounds).isGreaterThanOrEqualTo(4);
      try (DaemonProcess daemon = DaemonProcess.start(directory, "--state-dir", state.toString());
          ControlClient client = daemon.client()) {
        String id = client.attach(AttachRequest.of(target.pid(), images, OPTIONS)).id();
        client.rounds(id, oneRound(), LoopListener.SILENT);
        assertThat(
                client
                    .finish(id, FinishRequest.of(FinalMode.FREEZE, true), LoopListener.SILENT)
                    .result()
                    .verify())
            .map(VerifyResult::different)
            .hasValue(0L);
      }
    }
  }

  private static LoopOptions oneRound() {
    return new LoopOptions(1, Duration.ZERO, Optional.empty(), FinalMode.NONE, false);
  }

  /** Rounds without an end, or a frozen process that is compared with its images. */
  private static CompletableFuture<Boolean> inSteps(
      ControlClient client, String id, boolean finishing) {
    return CompletableFuture.supplyAsync(() -> use(client, id, finishing));
  }

  /** {@return whether it came to its end before the daemon did} */
  private static boolean use(ControlClient client, String id, boolean finishing) {
    try {
      while (true) {
        if (finishing) {
          client.finish(id, FinishRequest.of(FinalMode.FREEZE, true), LoopListener.SILENT);
          return true;
        }
        client.rounds(id, oneRound(), LoopListener.SILENT);
      }
    } catch (IOException e) {
      return false; // killed
    }
  }

  @Test
  void aSessionEndsAsAWholeCheckpoint() throws Exception {
    String criu = StockCriu.program().path().toString();
    try (LiveTarget target = LiveTarget.start(List.of("setsid", "sleep", "1000"));
        DaemonProcess daemon = DaemonProcess.start(directory, Map.of(CriuProgram.VARIABLE, criu))) {
      String pid = target.pid().toString();
      String images = directory.resolve("images").toString();
      assertThat(daemon.ask("attach", "-t", pid, "-D", images).exitCode()).isZero();
      assertThat(daemon.ask("round", pid).exitCode()).isZero();
      DaemonProcess.Answer kept =
          daemon.ask("finish", pid, "--final", "criu", "--leave-running", "--expand");
      assertThat(kept.exitCode()).as(kept.err()).isZero();
      assertThat(kept.out()).contains(" by criu ").contains("expanded: " + images);
      assertThat(target.isAlive()).isTrue();
      assertThat(daemon.ask("attach", "-t", pid, "-D", images).exitCode()).isZero();
      DaemonProcess.Answer ended = daemon.ask("finish", pid, "--final", "criu");
      assertThat(ended.exitCode()).as(ended.err()).isZero();
      assertThat(ended.out()).contains(", 0 different");
      assertThat(target.isAlive()).isFalse();
      assertThat(daemon.ask("list", "--json").out()).as("finished, not lost").contains("[ ]");
    }
  }

  @Test
  void metricsAreServedOnLoopbackAlone() throws Exception {
    try (LiveTarget target = Targets.ready("writer", 45, 16, 1000);
        DaemonProcess daemon =
            DaemonProcess.start(directory, "--metrics", "127.0.0.1:0", "--json")) {
      Targets.await("the port is told", () -> daemon.out().contains("metricsPort"));
      Matcher port = Pattern.compile("\"metricsPort\": (\\d+)").matcher(daemon.out());
      assertThat(port.find()).isTrue();
      try (ControlClient client = daemon.client()) {
        String id =
            client
                .attach(AttachRequest.of(target.pid(), directory.resolve("images"), OPTIONS))
                .id();
        client.rounds(id, oneRound(), LoopListener.SILENT);
        String text = get(port.group(1), "/metrics", 200);
        assertThat(text)
            .contains("predump_sessions 1\n", "predump_rounds_total 1\n")
            .contains("predump_errors_total{code=\"failure\"} 0\n")
            .contains("predump_request_failures_total{code=\"usage\"} 0\n")
            .containsPattern("predump_owed_pages\\{session=\"s1\"} \\d")
            .containsPattern("predump_read_bytes_total [1-9]")
            .doesNotContain("writer");
        client.finish(id, FinishRequest.of(FinalMode.FREEZE, false), LoopListener.SILENT);
        text = get(port.group(1), "/metrics", 200);
        assertThat(text)
            .contains("predump_frozen_microseconds_count 1\n")
            .contains("predump_frozen_microseconds_bucket{le=\"+Inf\"} 1\n")
            .contains("predump_sessions 0\n");
        assertThatThrownBy(() -> client.status("nobody")).isInstanceOf(DaemonException.class);
        assertThat(get(port.group(1), "/metrics", 200))
            .contains("predump_errors_total{code=\"usage\"} 0\n")
            .contains("predump_request_failures_total{code=\"usage\"} 1\n");
        get(port.group(1), "/elsewhere", 404);
      }
    }
    try (DaemonProcess reachable = DaemonProcess.start(directory, "--metrics", "0.0.0.0:9464")) {
      assertThat(reachable.awaitExit()).isEqualTo(2);
      assertThat(reachable.log()).contains("metrics: not a loopback address: 0.0.0.0");
    }
  }

  private static String get(String port, String path, int status) throws Exception {
    HttpResponse<String> answer =
        HttpClient.newHttpClient()
            .send(
                HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path)).build(),
                HttpResponse.BodyHandlers.ofString());
    assertThat(answer.statusCode()).isEqualTo(status);
    return answer.body();
  }

  @Test
  void aFileHoldsOptionsAndTheCommandLineWins() throws Exception {
    Path file = directory.resolve("daemon.conf");
    Files.writeString(file, "# ours\nmax-sessions = 1\nthreads = 1\nmax-memory = 1MiB\n");
    try (LiveTarget first = Targets.ready("writer", 46, 16, 1000);
        LiveTarget second = Targets.ready("writer", 47, 16, 1000);
        DaemonProcess daemon = DaemonProcess.start(directory, "--config", file.toString());
        ControlClient client = daemon.client()) {
      assertThat(daemon.log()).contains("copies=1 threads=1");
      client.attach(AttachRequest.of(first.pid(), directory.resolve("a"), OPTIONS));
      assertThatThrownBy(
              () -> client.attach(AttachRequest.of(second.pid(), directory.resolve("b"), OPTIONS)))
          .hasMessage("too many sessions: at most 1");
    }
    Files.writeString(file, "max-session = 1\n");
    try (DaemonProcess daemon = DaemonProcess.start(directory, "--config", file.toString())) {
      assertThat(daemon.awaitExit()).isEqualTo(2);
      assertThat(daemon.log()).contains(file + ": no such option: max-session");
    }
  }
}
