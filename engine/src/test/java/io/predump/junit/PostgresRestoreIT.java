package io.predump.junit;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.criu.StockCriu;
import io.predump.linux.testkit.CProgram;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * PostgreSQL under pgbench: a tree of processes that share memory. It lives in an IPC namespace of
 * its own, for CRIU takes System V shared memory with its namespace or not at all. PostgreSQL does
 * not run as root, and CRIU needs CAP_SYS_RESOURCE, which containers often lack, to dump another
 * user's processes; so the server is told that it is another user's.
 */
final class PostgresRestoreIT {
  private static final Path PROGRAMS = newest(Path.of("/usr/lib/postgresql")).resolve("bin");

  @RegisterExtension
  final CheckpointTarget postgres =
      CheckpointTarget.command(
              "unshare",
              "--ipc",
              PROGRAMS.resolve("postgres").toString(),
              "-D",
              "{directory}/data",
              "-p",
              "{port}",
              "-c",
              "listen_addresses=127.0.0.1",
              "-c",
              "unix_socket_directories=",
              "-c",
              "shared_buffers=16MB")
          .environment("LD_PRELOAD", otherUser().toString())
          .prepare(PostgresRestoreIT::makeCluster)
          .readyWhenPrinted("ready to accept connections")
          .build();

  private static Path newest(Path versions) {
    try (var entries = Files.list(versions)) {
      return entries.max(Comparator.comparing(Path::toString)).orElseThrow();
    } catch (IOException e) {
      throw new AssertionError("PostgreSQL is not installed", e);
    }
  }

  /** {@return a library that tells whoever preloads it that its user is postgres} */
  private static Path otherUser() {
    try {
      int uid = (int) Files.getAttribute(Path.of("/var/lib/postgresql"), "unix:uid");
      return CProgram.compile(
              "other-user",
              "#include <unistd.h>\nuid_t geteuid(void) { return "
                  + uid
                  + "; }\n"
                  + "uid_t getuid(void) { return "
                  + uid
                  + "; }\n",
              "-shared",
              "-fPIC")
          .executable();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void makeCluster(CheckpointTarget target) throws Exception {
    var users = target.directory().getFileSystem().getUserPrincipalLookupService();
    Files.setOwner(target.directory(), users.lookupPrincipalByName("postgres"));
    run(
        target.directory(),
        List.of(
            "setpriv",
            "--reuid=postgres",
            "--regid=postgres",
            "--clear-groups",
            PROGRAMS.resolve("initdb").toString(),
            "-D",
            target.directory().resolve("data").toString(),
            "-A",
            "trust",
            "--no-sync"));
  }

  /** Every transaction adds one number in four tables: wherever it is cut, the sums agree. */
  @Test
  void everyTransactionIsWholeOrNotThere() throws Exception {
    client("pgbench", "-i", "-q", "-s", "1");
    postgres.load(
        PROGRAMS.resolve("pgbench").toString(),
        "-h",
        "127.0.0.1",
        "-p",
        "{port}",
        "-U",
        "postgres",
        "-n",
        "-c",
        "4",
        "-T",
        "600",
        "postgres");
    while (number("SELECT count(*) FROM pgbench_history") < 100) {
      Thread.sleep(20);
    }

    Checkpoint checkpoint =
        postgres
            .checkpoint()
            .rounds(3)
            .withCriu(StockCriu.program().path())
            .dumpArguments("--tcp-close")
            .take()
            .assertSameAsMemory();
    assertThat(postgres.isRunning()).isFalse();
    // The server handles SIGCHLD: its stack is not what it was, see assertSameAsImages.
    checkpoint.restore("--tcp-close");

    long done = number("SELECT count(*) FROM pgbench_history");
    assertThat(done).isGreaterThan(100);
    long sum = number("SELECT sum(delta) FROM pgbench_history");
    for (String table : List.of("branch", "teller", "account")) {
      String column = table.charAt(0) + "balance";
      assertThat(number("SELECT sum(" + column + ") FROM pgbench_" + plural(table)))
          .as(table)
          .isEqualTo(sum);
    }
    client("pgbench", "-n", "-c", "2", "-t", "50");
    assertThat(number("SELECT count(*) FROM pgbench_history")).isEqualTo(done + 100);
    assertThat(postgres.printed()).doesNotContain("PANIC").doesNotContain("was terminated");
  }

  private static String plural(String table) {
    return table.equals("branch") ? "branches" : table + "s";
  }

  private long number(String query) throws Exception {
    return Long.parseLong(client("psql", "-AtX", "-c", query).strip());
  }

  private String client(String program, String... arguments) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(PROGRAMS.resolve(program).toString());
    command.addAll(List.of("-h", "127.0.0.1", "-p", "" + postgres.port(), "-U", "postgres"));
    command.addAll(List.of(arguments));
    command.add("postgres");
    return run(postgres.directory(), command);
  }

  private static String run(Path directory, List<String> command) throws Exception {
    Path errors = Files.createTempFile("predump-postgres", ".txt");
    try {
      Process process =
          new ProcessBuilder(command)
              .directory(directory.toFile())
              .redirectError(errors.toFile())
              .start();
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(process.waitFor()).as("%s%n%s", command, Files.readString(errors)).isZero();
      return output;
    } finally {
      Files.delete(errors);
    }
  }
}
