package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.predump.images.ChainVerifier;
import io.predump.images.ImageChain;
import io.predump.images.PagesName;
import io.predump.images.ProcessIdentity;
import io.predump.images.RoundRecord;
import io.predump.linux.Pid;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.proc.ProcessTree;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.UserPrincipal;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The real server: one process per client, and one cache that all of them share. */
final class PostgresIT {
  private static final int CLIENTS = 4;
  private static final int SECONDS = 20;
  private static final Path VERSIONS = Path.of("/usr/lib/postgresql");

  @TempDir Path directory;
  private Path binaries;
  private Path home;
  private String user;

  /** It refuses to run as root, and its directory must be its own. */
  @BeforeEach
  void startServer() throws Exception {
    List<Path> found = new ArrayList<>();
    if (Files.isDirectory(VERSIONS)) {
      try (var versions = Files.list(VERSIONS)) {
        versions
            .map(version -> version.resolve("bin"))
            .filter(bin -> Files.isExecutable(bin.resolve("postgres")))
            .filter(bin -> Files.isExecutable(bin.resolve("pgbench")))
            .forEach(found::add);
      }
    }
    assumeTrue(!found.isEmpty(), "postgresql is not installed: no bin/postgres in " + VERSIONS);
    assumeTrue(ProcStatus.read(Pid.self()).uid() == 0, "needs root to run it as its own user");
    found.sort(Comparator.naturalOrder());
    binaries = found.get(found.size() - 1);
    home = Files.createTempDirectory("predump-postgres");
    var users = home.getFileSystem().getUserPrincipalLookupService();
    UserPrincipal owner;
    try {
      user = "postgres";
      owner = users.lookupPrincipalByName(user);
    } catch (IOException e) {
      user = "nobody";
      owner = users.lookupPrincipalByName(user);
    }
    Files.setOwner(home, owner);
    run("initdb", "-D", data(), "-A", "trust", "-U", "bench", "--no-sync");
    String options = "-k " + home + " -c listen_addresses= -c shared_buffers=64MB";
    run("pg_ctl", "-D", data(), "-w", "-l", home.resolve("log").toString(), "-o", options, "start");
  }

  @AfterEach
  void stopServer() throws Exception {
    if (home == null) {
      return;
    }
    try {
      if (Files.exists(Path.of(data(), "postmaster.pid"))) {
        run("pg_ctl", "-D", data(), "-w", "-m", "immediate", "stop");
      }
    } finally {
      try (var files = Files.walk(home)) {
        for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.deleteIfExists(file);
        }
      }
    }
  }

  @Test
  void noPageOfAnyProcessDiffersUnderLoadAndNoClientNotices() throws Exception {
    run("pgbench", "-h", home.toString(), "-U", "bench", "-i", "-q", "-s", "2", "postgres");
    Pid server = server();
    Path output = directory.resolve("pgbench.txt");
    Path images = directory.resolve("images");
    Process clients = load(output);
    try {
      String query =
          "select count(*) >= "
              + CLIENTS
              + " from pg_stat_activity where application_name = 'pgbench'";
      Targets.await("one process per client", () -> ask(query).equals("t"));
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
    assertThat(server()).isEqualTo(server);
    assertThat(ask("select count(*) from pgbench_history")).isEqualTo(String.valueOf(transactions));
    assertThat(ask("select sum(abalance) from pgbench_accounts"))
        .isEqualTo(ask("select sum(delta) from pgbench_history"));
    for (Pid pid : ProcessTree.descendants(server)) {
      if (Files.exists(Path.of(pid.procPath("status")))) {
        assertThat(ProcStatus.read(pid).tracerPid()).isZero();
        assertThat(Targets.threadStates(pid)).doesNotContain("T").doesNotContain("t");
      }
    }
    assertThat(Files.readString(home.resolve("log")))
        .doesNotContain("PANIC")
        .doesNotContain("terminated by signal");
  }

  private Process load(Path output) throws IOException {
    String clients = String.valueOf(CLIENTS);
    String seconds = String.valueOf(SECONDS);
    return new ProcessBuilder(
            command(
                "pgbench",
                "-h",
                home.toString(),
                "-U",
                "bench",
                "-n",
                "-c",
                clients,
                "-T",
                seconds,
                "postgres"))
        .redirectErrorStream(true)
        .redirectOutput(output.toFile())
        .start();
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

  private Pid server() throws IOException {
    List<String> lines = Files.readAllLines(Path.of(data(), "postmaster.pid"));
    return new Pid(Integer.parseInt(lines.get(0).trim()));
  }

  private String ask(String query) throws IOException {
    return run("psql", "-h", home.toString(), "-U", "bench", "-AtX", "-c", query, "postgres");
  }

  private String data() {
    return home.resolve("data").toString();
  }

  private List<String> command(String program, String... arguments) {
    List<String> command =
        new ArrayList<>(
            List.of(
                "setpriv",
                "--reuid=" + user,
                "--regid=" + (user.equals("nobody") ? "nogroup" : user),
                "--clear-groups",
                "--"));
    command.add(binaries.resolve(program).toString());
    command.addAll(List.of(arguments));
    return command;
  }

  /** Runs one of its programs to its end and returns what it printed. */
  private String run(String program, String... arguments) throws IOException {
    Path output = Files.createTempFile(directory, program, ".txt");
    Process process =
        new ProcessBuilder(command(program, arguments))
            .directory(home.toFile())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    process.onExit().join();
    int status = process.exitValue();
    String text = Files.readString(output, StandardCharsets.UTF_8).trim();
    if (status != 0) {
      throw new IOException(program + " exits with " + status + ": " + text);
    }
    return text;
  }
}
