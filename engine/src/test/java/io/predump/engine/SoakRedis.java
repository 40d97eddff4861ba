package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.linux.Pid;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** Redis that saves by forking all the time. */
final class SoakRedis implements SoakTarget, SoakValues.Store {
  private final SoakServer server;
  private final SoakLines client;
  private final SoakLines operator;
  private final SoakLoad load;

  SoakRedis(Path directory) throws IOException {
    int port = SoakServer.freePort();
    server =
        SoakServer.start(
            List.of(
                "/usr/bin/redis-server",
                "--port",
                String.valueOf(port),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--rdb-key-save-delay",
                "100",
                "--dir",
                directory.toString()),
            () -> {
              try (SoakLines first = new SoakLines(port)) {
                return first.ask("PING").equals("+PONG");
              }
            });
    client = new SoakLines(port);
    operator = new SoakLines(port);
    load = new SoakLoad("redis", 1, new SoakValues(this, 3000, 4000)::step);
  }

  @Override
  public void put(String key, String value) throws IOException {
    assertThat(client.ask("SET " + key + " " + value)).isEqualTo("+OK");
  }

  @Override
  public String get(String key) throws IOException {
    assertThat(client.ask("GET " + key)).startsWith("$");
    return client.line();
  }

  @Override
  public Pid pid() {
    return server.pid();
  }

  /** Also has it fork: the child saves while the next rounds are taken. */
  @Override
  public void check() throws IOException {
    server.requireAlive();
    load.check();
    assertThat(operator.ask("BGSAVE"))
        .isIn("+Background saving started", "-ERR Background save already in progress");
  }

  @Override
  public void close() throws IOException {
    load.close();
    client.close();
    operator.close();
    server.close();
  }
}
