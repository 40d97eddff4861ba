package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.linux.Pid;
import java.io.IOException;
import java.util.List;

/** memcached with four threads. */
final class SoakMemcached implements SoakTarget, SoakValues.Store {
  private final SoakServer server;
  private final SoakLines client;
  private final SoakLoad load;

  SoakMemcached() throws IOException {
    int port = SoakServer.freePort();
    server =
        SoakServer.start(
            List.of(
                "/usr/bin/memcached",
                "-l",
                "127.0.0.1",
                "-p",
                String.valueOf(port),
                "-U",
                "0",
                "-u",
                "root",
                "-m",
                "256",
                "-t",
                "4"),
            () -> {
              try (SoakLines first = new SoakLines(port)) {
                return first.ask("version").startsWith("VERSION");
              }
            });
    client = new SoakLines(port);
    load = new SoakLoad("memcached", 1, new SoakValues(this, 5000, 4000)::step);
  }

  @Override
  public void put(String key, String value) throws IOException {
    assertThat(client.ask("set " + key + " 0 0 " + value.length(), value)).isEqualTo("STORED");
  }

  @Override
  public String get(String key) throws IOException {
    assertThat(client.ask("get " + key)).startsWith("VALUE " + key);
    String value = client.line();
    assertThat(client.line()).isEqualTo("END");
    return value;
  }

  @Override
  public Pid pid() {
    return server.pid();
  }

  @Override
  public void check() {
    server.requireAlive();
    load.check();
  }

  @Override
  public void close() throws IOException {
    load.close();
    client.close();
    server.close();
  }
}
