package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.linux.Pid;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** PostgreSQL under pgbench: one process per client, and one cache that all of them share. */
final class SoakPostgres implements SoakTarget {
  private static final int CLIENTS = 4;
  private static final int SECONDS = 24 * 3600; // it is ended before

  private final PostgresServer server;
  private final Process clients;
  private final Path output;
  private final Pid pid;
  private long transactions;

  SoakPostgres(Path directory, Path binaries) throws IOException {
    server = PostgresServer.start(binaries);
    output = directory.resolve("pgbench.txt");
    try {
      server.createTables();
      pid = server.pid();
      clients = server.load(CLIENTS, SECONDS, output);
    } catch (IOException e) {
      server.close();
      throw e;
    }
  }

  @Override
  public Pid pid() {
    return pid;
  }

  @Override
  public void check() throws IOException {
    assertThat(clients.isAlive()).as(Files.readString(output)).isTrue();
    assertThat(server.pid()).isEqualTo(pid);
    Targets.await(
        "more transactions",
        () -> Long.parseLong(server.ask("select count(*) from pgbench_history")) > transactions);
    transactions = Long.parseLong(server.ask("select count(*) from pgbench_history"));
    assertThat(
            server.ask(
                "select (select sum(abalance) from pgbench_accounts)"
                    + " = (select sum(delta) from pgbench_history)"))
        .isEqualTo("t");
    assertThat(Files.readString(server.log()))
        .doesNotContain("PANIC")
        .doesNotContain("terminated by signal");
  }

  @Override
  public void close() throws IOException {
    clients.destroyForcibly().onExit().join();
    server.close();
  }
}
