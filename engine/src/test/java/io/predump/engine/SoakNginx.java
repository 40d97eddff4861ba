package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.linux.Pid;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;

/** nginx: a master, two workers, and a zone of shared memory in which they count requests. */
final class SoakNginx implements SoakTarget {
  private static final int PAGES = 50;

  private final SoakServer server;
  private final SoakLoad load;

  SoakNginx(Path directory) throws IOException {
    int port = SoakServer.freePort();
    for (int page = 0; page < PAGES; page++) {
      Files.writeString(directory.resolve("page-" + page), content(page));
    }
    Path configuration = directory.resolve("nginx.conf");
    Files.writeString(
        configuration,
        String.join(
            "\n",
            "daemon off; user root; worker_processes 2; pid pid; error_log error.log;",
            "events { worker_connections 64; }",
            "http {",
            "  access_log access.log; gzip on; gzip_types *;",
            "  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;",
            "  uwsgi_temp_path uwsgi; scgi_temp_path scgi;",
            "  limit_req_zone $arg_client zone=clients:4m rate=100000r/s;",
            "  open_file_cache max=100;",
            "  server { listen 127.0.0.1:"
                + port
                + "; root .; limit_req zone=clients burst=1000 nodelay; }",
            "}",
            ""));
    SoakHttp http = new SoakHttp(port);
    server =
        SoakServer.start(
            List.of(
                "/usr/sbin/nginx",
                "-p",
                directory.toString(),
                "-c",
                configuration.toString(),
                "-e",
                directory.resolve("error.log").toString()),
            () -> http.get("/page-0").equals(content(0)));
    load = new SoakLoad("nginx", 1, random -> ask(http, random));
  }

  private static void ask(SoakHttp http, Random random) throws IOException {
    int page = random.nextInt(PAGES);
    String client = Integer.toString(random.nextInt(10_000));
    assertThat(http.get("/page-" + page + "?client=" + client)).isEqualTo(content(page));
  }

  private static String content(int page) {
    return ("This is page " + page + ".\n").repeat(1 + page * 40);
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
