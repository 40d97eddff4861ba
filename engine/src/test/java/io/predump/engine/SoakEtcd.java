package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.linux.Pid;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;

/** etcd: a Go program, its heap, its goroutines, its database in a shared file mapping. */
final class SoakEtcd implements SoakTarget, SoakValues.Store {
  private final SoakServer server;
  private final SoakHttp http;
  private final SoakLoad load;

  SoakEtcd(Path directory) throws IOException {
    int port = SoakServer.freePort();
    String clients = "http://127.0.0.1:" + port;
    String peers = "http://127.0.0.1:" + SoakServer.freePort();
    http = new SoakHttp(port);
    server =
        SoakServer.start(
            List.of(
                "/usr/bin/etcd",
                "--data-dir",
                directory.resolve("etcd").toString(),
                "--listen-client-urls",
                clients,
                "--advertise-client-urls",
                clients,
                "--listen-peer-urls",
                peers,
                "--initial-advertise-peer-urls",
                peers,
                "--initial-cluster",
                "default=" + peers,
                "--unsafe-no-fsync"),
            () -> http.get("/health").contains("true"));
    load = new SoakLoad("etcd", 1, new SoakValues(this, 500, 8000)::step);
  }

  @Override
  public void put(String key, String value) throws IOException {
    http.post("/v3/kv/put", "{\"key\":\"" + coded(key) + "\",\"value\":\"" + coded(value) + "\"}");
  }

  @Override
  public String get(String key) throws IOException {
    String answer = http.post("/v3/kv/range", "{\"key\":\"" + coded(key) + "\"}");
    String name = "\"value\":\"";
    int start = answer.indexOf(name) + name.length();
    assertThat(answer).contains(name);
    byte[] value = Base64.getDecoder().decode(answer.substring(start, answer.indexOf('"', start)));
    return new String(value, StandardCharsets.US_ASCII);
  }

  private static String coded(String text) {
    return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.US_ASCII));
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
    server.close();
  }
}
