package io.predump.cli;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** A redis-server on a socket of its own, with data, under load of redis-benchmark. */
final class RedisProgram implements DemoProgram {
  private static final long READY_MILLIS = 20_000;
  private static final long POLL_MILLIS = 20;
  private static final long FILL_SECONDS = 120;

  private final Path socket;
  private final DetachedProcess server;
  private final DetachedProcess load;
  private final long uptimeSeconds;

  private RedisProgram(
      Path socket, DetachedProcess server, DetachedProcess load, long uptimeSeconds) {
    this.socket = socket;
    this.server = server;
    this.load = load;
    this.uptimeSeconds = uptimeSeconds;
  }

  static DemoProgram start(Path dir) throws IOException, InterruptedException {
    String serverProgram = program("redis-server");
    String benchmark = program("redis-benchmark");
    Path socket = dir.resolve("redis.sock");
    DetachedProcess server =
        DetachedProcess.start(
            dir.resolve("redis-server.log"),
            List.of(
                serverProgram,
                "--port",
                "0",
                "--unixsocket",
                socket.toString(),
                "--dir",
                dir.toString(),
                "--save",
                "",
                "--appendonly",
                "no"));
    try {
      awaitReady(server, socket);
      fill(dir, benchmark, socket);
      DetachedProcess load =
          DetachedProcess.start(
              dir.resolve("load.log"),
              benchmark(benchmark, socket, "-n", "1000000000", "-c", "4", "-t", "set,get"));
      return new RedisProgram(socket, server, load, uptimeSeconds(socket));
    } catch (IOException | InterruptedException | RuntimeException e) {
      server.close();
      throw e;
    }
  }

  private static void awaitReady(DetachedProcess server, Path socket)
      throws IOException, InterruptedException {
    long deadline = System.nanoTime() + READY_MILLIS * 1_000_000;
    while (!Files.exists(socket)) {
      server.requireAlive("redis-server");
      if (System.nanoTime() > deadline) {
        throw new IOException("redis-server: not ready after " + READY_MILLIS / 1000 + " s");
      }
      Thread.sleep(POLL_MILLIS);
    }
    ping(socket);
  }

  private static void fill(Path dir, String benchmark, Path socket)
      throws IOException, InterruptedException {
    try (DetachedProcess fill =
        DetachedProcess.start(
            dir.resolve("fill.log"),
            benchmark(benchmark, socket, "-n", "200000", "-P", "64", "-t", "set"))) {
      if (!fill.awaitEnd(FILL_SECONDS)) {
        throw new IOException("redis-benchmark: not done after " + FILL_SECONDS + " s");
      }
    }
  }

  private static List<String> benchmark(String program, Path socket, String... more) {
    return Stream.concat(
            Stream.of(program, "-s", socket.toString(), "-q", "-r", "200000", "-d", "1024"),
            Stream.of(more))
        .toList();
  }

  /** Finds a program, or says which package has it. */
  private static String program(String name) throws IOException {
    String path = System.getenv().getOrDefault("PATH", "/usr/bin:/bin");
    for (String dir : path.split(":", -1)) {
      Path file = Path.of(dir.isEmpty() ? "." : dir, name);
      if (Files.isExecutable(file)) {
        return file.toString();
      }
    }
    String debian = name.equals("redis-server") ? "redis-server" : "redis-tools";
    throw new IOException(
        String.format(
            Locale.ROOT,
            "demo --redis: %s is not installed (package %s on Debian and Ubuntu, redis elsewhere)",
            name,
            debian));
  }

  private static void ping(Path socket) throws IOException {
    String answer = ask(socket, "PING");
    if (!answer.startsWith("+PONG")) {
      throw new IOException("redis-server: PING answered by " + answer.strip());
    }
  }

  private static long uptimeSeconds(Path socket) throws IOException {
    return info(socket, "server", "uptime_in_seconds");
  }

  private static long info(Path socket, String section, String field) throws IOException {
    for (String line : ask(socket, "INFO " + section).split("\r\n", -1)) {
      if (line.startsWith(field + ":")) {
        return Long.parseLong(line.substring(field.length() + 1));
      }
    }
    throw new IOException("redis-server: INFO " + section + " without " + field);
  }

  /** Sends one command and returns all of the answer: the server closes after QUIT. */
  private static String ask(Path socket, String command) throws IOException {
    try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
      ByteBuffer request =
          ByteBuffer.wrap((command + "\r\nQUIT\r\n").getBytes(StandardCharsets.US_ASCII));
      while (request.hasRemaining()) {
        channel.write(request);
      }
      byte[] answer = Channels.newInputStream(channel).readAllBytes();
      return new String(answer, StandardCharsets.US_ASCII);
    }
  }

  @Override
  public String description() {
    return "redis-server with 200,000 keys of 1 KiB under load of redis-benchmark";
  }

  @Override
  public int pid() {
    return server.pid();
  }

  @Override
  public String checkAlive() throws IOException {
    server.requireAlive("redis-server");
    load.requireAlive("redis-benchmark");
    ping(socket);
    long now = uptimeSeconds(socket);
    if (now < uptimeSeconds) {
      throw new IOException("redis-server: started again in between");
    }
    // redis-benchmark ends at a lost connection, not at an error reply
    long errors = info(socket, "stats", "total_error_replies");
    if (errors > 0) {
      throw new IOException("redis-server: " + errors + " error replies");
    }
    return "redis-server still answers, up for " + now + " s; its clients saw no error";
  }

  @Override
  public void close() {
    load.close();
    server.close();
  }
}
