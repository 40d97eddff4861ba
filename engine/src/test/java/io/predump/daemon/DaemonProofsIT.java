package io.predump.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.predump.engine.FinalMode;
import io.predump.engine.LoopListener;
import io.predump.engine.LoopOptions;
import io.predump.engine.PacedRedis;
import io.predump.engine.PostgresServer;
import io.predump.engine.SessionOptions;
import io.predump.engine.Targets;
import io.predump.engine.VerifyResult;
import io.predump.images.ChainVerifier;
import io.predump.images.RoundRecord;
import io.predump.linux.Pid;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.testkit.CProgram;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the daemon is for, with real programs and many sessions. */
@Timeout(180)
final class DaemonProofsIT {
  private static final SessionOptions OPTIONS = SessionOptions.defaults("test");
  private static final int ROUNDS = 20;
  private static final int SESSIONS = Integer.getInteger("predump.daemon.sessions", 200);

  @TempDir Path directory;

  @Test
  void redisAndPostgresUnderLoadAtOnceByTwoClients() throws Exception {
    assumeTrue(Files.isExecutable(Path.of("/usr/bin/redis-server")), "no redis-server");
    Optional<Path> postgresql = PostgresServer.installed();
    assumeTrue(postgresql.isPresent(), "no postgresql with pgbench");
    Path output = directory.resolve("pgbench");
    try (PacedRedis redis = PacedRedis.start(directory);
        PostgresServer postgres = PostgresServer.start(postgresql.orElseThrow());
        DaemonProcess daemon = DaemonProcess.start(directory)) {
      postgres.createTables();
      redis.setKeys(5000);
      Process transactions = postgres.load(2, 120, output);
      try {
        List<CompletableFuture<List<Integer>>> clients = new ArrayList<>();
        for (Pid pid : List.of(redis.server().pid(), postgres.pid())) {
          clients.add(CompletableFuture.supplyAsync(() -> dump(daemon, pid)));
        }
        for (CompletableFuture<List<Integer>> client : clients) {
          assertThat(client.get(150, TimeUnit.SECONDS)).hasSize(ROUNDS + 1);
        }
        assertThat(transactions.isAlive()).as("%s", Files.readString(output)).isTrue();
        long before = redis.served();
        Targets.await("redis serves", () -> redis.served() > before);
      } finally {
        transactions.destroy();
        transactions.waitFor();
      }
      assertThat(daemon.log()).doesNotContain("event=failed");
    }
  }

  /** One client: twenty rounds, each asked for by itself, and a verified end. */
  private List<Integer> dump(DaemonProcess daemon, Pid pid) {
    Path images = directory.resolve("images-" + pid);
    try (ControlClient client = daemon.client()) {
      String id = client.attach(AttachRequest.of(pid, images, OPTIONS)).id();
      for (int i = 0; i < ROUNDS; i++) {
        assertThat(client.rounds(id, oneRound(), LoopListener.SILENT).result().rounds()).hasSize(1);
      }
      ControlClient.Done end =
          client.finish(id, FinishRequest.of(FinalMode.FREEZE, true), LoopListener.SILENT);
      assertThat(end.result().verify()).map(VerifyResult::different).hasValue(0L);
      assertThat(new ChainVerifier(1).verify(images).problems()).isEmpty();
      return end.result().rounds().stream().map(RoundRecord::round).toList();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static LoopOptions oneRound() {
    return new LoopOptions(1, Duration.ZERO, Optional.empty(), FinalMode.NONE, false);
  }

  /** The loop is the daemon's own: nobody asks for a round. */
  @Test
  void twentyFourRoundsInATimerLoop() throws Exception {
    Duration rpo = Duration.ofMillis(1500);
    Path images = directory.resolve("images");
    try (LiveTarget target = Targets.ready("paced", 32, 8, 5_000, 500);
        DaemonProcess daemon = DaemonProcess.start(directory);
        ControlClient client = daemon.client()) {
      String id = client.attach(AttachRequest.of(target.pid(), images, OPTIONS).withRpo(rpo)).id();
      long began = System.nanoTime();
      while (client.status(id).rounds() < 24) {
        assertThat(System.nanoTime() - began).isLessThan(Duration.ofSeconds(90).toNanos());
        LiveTarget.pause(100);
      }
      SessionStatus status = client.status(id);
      System.out.printf(
          "rpo: %d rounds, the newest never older than %d ms of %d%n",
          status.rounds(), status.oldestMicros().orElseThrow() / 1000, rpo.toMillis());
      assertThat(status.oldestMicros().orElseThrow() / 1000)
          .isLessThan(2 * rpo.toMillis()); // the machine may be busy; as a rule it keeps to 1500
      assertThat(status.failure()).isEmpty();
      assertThat(
              client
                  .finish(id, FinishRequest.of(FinalMode.FREEZE, true), LoopListener.SILENT)
                  .result()
                  .verify())
          .map(VerifyResult::different)
          .hasValue(0L);
    }
  }

  @Test
  void twoHundredSmallProcessesAtOnce() throws Exception {
    List<LiveTarget> targets = new ArrayList<>();
    try (DaemonProcess daemon = DaemonProcess.start(directory)) {
      CProgram filler = Targets.program("filler");
      for (int i = 0; i < SESSIONS; i++) {
        targets.add(LiveTarget.start(filler, "1", "10"));
      }
      for (LiveTarget target : targets) {
        assertThat(target.nextLine()).isEqualTo("ready");
      }
      Usage before = Usage.of(daemon.pid());
      List<CompletableFuture<Void>> clients = new ArrayList<>();
      for (int client = 0; client < 4; client++) {
        int first = client;
        clients.add(CompletableFuture.runAsync(() -> attachEveryFourth(daemon, targets, first)));
      }
      for (CompletableFuture<Void> client : clients) {
        client.get(150, TimeUnit.SECONDS);
      }
      Usage worked = Usage.of(daemon.pid());
      LiveTarget.pause(5000);
      Usage idle = Usage.of(daemon.pid());
      System.out.printf(
          "%d sessions: RSS %d MiB (%d MiB without), %.1f s of processor time to attach and take"
              + " two rounds each, then %.1f %% of a core idle, %d threads%n",
          SESSIONS,
          idle.residentMib(),
          before.residentMib(),
          worked.cpuSeconds() - before.cpuSeconds(),
          100 * (idle.cpuSeconds() - worked.cpuSeconds()) / 5,
          idle.threads());
      try (ControlClient client = daemon.client()) {
        assertThat(client.list())
            .hasSize(SESSIONS)
            .allSatisfy(s -> assertThat(s.rounds()).isEqualTo(2));
      }
      assertThat(idle.residentMib()).as("MiB").isLessThan(512);
      assertThat(idle.cpuSeconds() - worked.cpuSeconds()).as("s in 5 s").isLessThan(2.5);
      assertThat(daemon.terminate()).isEqualTo(143);
      assertThat(daemon.log()).as("it let go of all in order").contains("event=stopped");
      assertThat(targets).allMatch(LiveTarget::isAlive);
    } finally {
      for (LiveTarget target : targets) {
        target.close();
      }
    }
  }

  private void attachEveryFourth(DaemonProcess daemon, List<LiveTarget> targets, int first) {
    try (ControlClient client = daemon.client()) {
      for (int i = first; i < targets.size(); i += 4) {
        Path images = directory.resolve("i" + i);
        String id = client.attach(AttachRequest.of(targets.get(i).pid(), images, OPTIONS)).id();
        client.rounds(id, oneRound(), LoopListener.SILENT);
        client.rounds(id, oneRound(), LoopListener.SILENT);
      }
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** What a process uses. */
  private record Usage(long residentMib, double cpuSeconds, int threads) {
    private static final double TICKS_PER_SECOND = 100;

    static Usage of(long pid) throws IOException {
      ProcStatus status = ProcStatus.read(new Pid((int) pid));
      String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
      double ticks = Double.parseDouble(fields[14 - 3]) + Double.parseDouble(fields[15 - 3]);
      return new Usage(
          status.residentBytes() >> 20, ticks / TICKS_PER_SECOND, status.threadCount());
    }
  }
}
