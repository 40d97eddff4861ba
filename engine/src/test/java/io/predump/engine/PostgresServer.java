package io.predump.engine;

import io.predump.linux.Pid;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.UserPrincipal;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/** A PostgreSQL server of its own, as a user of its own, for it refuses to run as root. */
public final class PostgresServer implements AutoCloseable {
  private static final Path VERSIONS = Path.of("/usr/lib/postgresql");

  private final Path binaries;
  private final Path home;
  private final String user;

  private PostgresServer(Path binaries, Path home, String user) {
    this.binaries = binaries;
    this.home = home;
    this.user = user;
  }

  /** {@return where the newest version's programs are, empty if none is installed} */
  public static Optional<Path> installed() throws IOException {
    if (!Files.isDirectory(VERSIONS)) {
      return Optional.empty();
    }
    try (var versions = Files.list(VERSIONS)) {
      return versions
          .map(version -> version.resolve("bin"))
          .filter(bin -> Files.isExecutable(bin.resolve("postgres")))
          .filter(bin -> Files.isExecutable(bin.resolve("pgbench")))
          .max(Comparator.naturalOrder());
    }
  }

  /** Makes a database cluster in a directory of its own and starts the server; needs root. */
  public static PostgresServer start(Path binaries) throws IOException {
    Path home = Files.createTempDirectory("predump-postgres");
    var users = home.getFileSystem().getUserPrincipalLookupService();
    String user = "postgres";
    UserPrincipal owner;
    try {
      owner = users.lookupPrincipalByName(user);
    } catch (IOException e) {
      user = "nobody";
      owner = users.lookupPrincipalByName(user);
    }
    Files.setOwner(home, owner);
    PostgresServer server = new PostgresServer(binaries, home, user);
    try {
      server.run("initdb", "-D", server.data(), "-A", "trust", "-U", "bench", "--no-sync");
      String options = "-k " + home + " -c listen_addresses= -c shared_buffers=64MB";
      String log = server.log().toString();
      server.run("pg_ctl", "-D", server.data(), "-w", "-l", log, "-o", options, "start");
      return server;
    } catch (IOException e) {
      server.close();
      throw e;
    }
  }

  /** {@return the first process, as its own file names it} */
  public Pid pid() throws IOException {
    List<String> lines = Files.readAllLines(Path.of(data(), "postmaster.pid"));
    return new Pid(Integer.parseInt(lines.get(0).trim()));
  }

  /** {@return what the server logs} */
  Path log() {
    return home.resolve("log");
  }

  /** Fills the tables of pgbench. */
  public void createTables() throws IOException {
    run("pgbench", "-h", home.toString(), "-U", "bench", "-i", "-q", "-s", "2", "postgres");
  }

  /** Starts clients that make transactions. */
  public Process load(int clients, int seconds, Path output) throws IOException {
    String number = String.valueOf(clients);
    String time = String.valueOf(seconds);
    String host = home.toString();
    return new ProcessBuilder(
            command(
                "pgbench", "-h", host, "-U", "bench", "-n", "-c", number, "-T", time, "postgres"))
        .redirectErrorStream(true)
        .redirectOutput(output.toFile())
        .start();
  }

  /** {@return the answer to a query} */
  String ask(String query) throws IOException {
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
    Path output = Files.createTempFile(program, ".txt");
    try {
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
    } finally {
      Files.delete(output);
    }
  }

  @Override
  public void close() throws IOException {
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
}
