package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.predump.images.ChainVerifier;
import io.predump.images.ImageChain;
import io.predump.images.PagesName;
import io.predump.images.ProcessIdentity;
import io.predump.images.RoundRecord;
import io.predump.linux.Errno;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.proc.ProcessTree;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The real server: one process per client, and one cache that all of them share. */
final class PostgresIT {
  private static final int CLIENTS = 4;
  private static final int SECONDS = 20;

  @TempDir Path directory;
  private @Nullable PostgresServer postgres;

  @BeforeEach
  void startServer() throws Exception {
    Optional<Path> binaries = PostgresServer.installed();
    assumeTrue(binaries.isPresent(), "postgresql is not installed");
    assumeTrue(ProcStatus.read(Pid.self()).uid() == 0, "needs root to run it as its own user");
    postgres = PostgresServer.start(binaries.get());
  }

  @AfterEach
  void stopServer() throws Exception {
    if (postgres != null) {
      postgres.close();
    }
  }

  @Test
  void noPageOfAnyProcessDiffersUnderLoadAndNoClientNotices() throws Exception {
    postgres.createTables();
    Pid server = postgres.pid();
    Path output = directory.resolve("pgbench.txt");
    Path images = directory.resolve("images");
    Process clients = postgres.load(CLIENTS, SECONDS, output);
    try {
      String query =
          "select count(*) >= "
              + CLIENTS
              + " from pg_stat_activity where application_name = 'pgbench'";
      Targets.await("one process per client", () -> postgres.ask(query).equals("t"));
      int processes = ProcessTree.descendants(server).size();
      VerifyResult verify;
      try (PreDumpSession session =
          PreDumpSession.attach(server, images, SessionOptions.defaults("test"))) {
        for (int round = 1; round <= 4; round++) {
          assertThat(session.round()).map(RoundRecord::round).hasValue(round);
          LiveTarget.pause(50);
        }
        assertThat(clients.isAlive()).as("still under load").isTrue();
        verify = session.finish(true).orElseThrow().verify().orElseThrow();
        assertThat(clients.isAlive()).as("under load up to the freeze").isTrue();
      }
      assertThat(verify.firstDifferences()).isEmpty();
      assertThat(verify.different()).isZero();
      assertThat(verify.compared()).isGreaterThan(10_000);
      assertEveryProcessIsHeld(images, server, processes);

      assertThat(clients.waitFor(120, TimeUnit.SECONDS)).as("clients end").isTrue();
      assertThat(clients.exitValue()).as(Files.readString(output)).isZero();
      assertThat(Files.readString(output))
          .contains("number of failed transactions: 0 (")
          .doesNotContain("aborted")
          .doesNotContain("error:");
      assertThat(transactionsIn(output)).isGreaterThan(100);
    } finally {
      clients.destroyForcibly().waitFor();
    }
    assertAnswersAsBefore(server, transactionsIn(output));
    assertThat(new ChainVerifier(2).verify(images).problems()).isEmpty();
  }

  private static void assertEveryProcessIsHeld(Path images, Pid server, int before)
      throws IOException {
    try (ImageChain chain = ImageChain.open(images)) {
      List<ProcessIdentity> processes = chain.newest().manifest().processes();
      assertThat(processes.get(0).pid()).isEqualTo(server.number());
      // psql's own process and a worker of the server's may have ended meanwhile
      assertThat(processes).hasSizeGreaterThanOrEqualTo(Math.max(CLIENTS + 1, before - 2));
      for (ProcessIdentity process : processes) {
        assertThat(chain.names()).contains(PagesName.ofProcess(process.vpid()));
        assertThat(chain.newest().mm(process.vpid())).isPresent();
      }
      assertThat(chain.names().stream().filter(name -> name.kind() == PagesName.Kind.SHARED))
          .as("the cache, once")
          .isNotEmpty()
          .doesNotHaveDuplicates();
    }
  }

  /** The same server, and its history has a row for every transaction it confirmed. */
  private void assertAnswersAsBefore(Pid server, long transactions) throws Exception {
    assertThat(postgres.pid()).isEqualTo(server);
    assertThat(postgres.ask("select count(*) from pgbench_history"))
        .isEqualTo(String.valueOf(transactions));
    assertThat(postgres.ask("select sum(abalance) from pgbench_accounts"))
        .isEqualTo(postgres.ask("select sum(delta) from pgbench_history"));
    for (Pid pid : ProcessTree.descendants(server)) {
      assertLetBe(server, pid);
    }
    assertThat(Files.readString(postgres.log()))
        .doesNotContain("PANIC")
        .doesNotContain("terminated by signal");
  }

  /** A process of the server's is neither traced nor stopped. Any but the first may have ended. */
  private static void assertLetBe(Pid server, Pid pid) throws IOException {
    try {
      assertThat(ProcStatus.read(pid).tracerPid()).isZero();
      assertThat(Targets.threadStates(pid)).doesNotContain("T").doesNotContain("t");
    } catch (SyscallException e) {
      // the server ends the process of a psql that has left at any moment
      if (pid.equals(server) || !(e.is(Errno.ENOENT) || e.is(Errno.ESRCH))) {
        throw e;
      }
    }
  }

  private static long transactionsIn(Path output) throws IOException {
    String key = "number of transactions actually processed: ";
    for (String line : Files.readAllLines(output)) {
      if (line.startsWith(key)) {
        return Long.parseLong(line.substring(key.length()));
      }
    }
    throw new IOException(Files.readString(output));
  }
}
