package io.predump.engine;

import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * A Redis server and a client that sets random keys at a rate of its own, however fast the server
 * could be: as services are used, and so that what is written depends on time alone.
 */
public final class PacedRedis implements AutoCloseable {
  private static final int KEYS = 200_000;
  private static final int BATCH = 50;
  private static final String VALUE = "v".repeat(390);

  private final LiveTarget server;
  private final SocketChannel channel;
  private final Random random = new Random(7);
  private final ByteBuffer answers = ByteBuffer.allocate(1 << 16);
  private final AtomicLong served = new AtomicLong();
  private volatile boolean stopped;
  private @Nullable Thread client;

  private PacedRedis(LiveTarget server, SocketChannel channel) {
    this.server = server;
    this.channel = channel;
  }

  /** Starts a server that holds all keys. */
  public static PacedRedis start(Path directory) throws IOException {
    Path socket = directory.resolve("s");
    LiveTarget server =
        LiveTarget.start(
            List.of(
                "redis-server",
                "--port",
                "0",
                "--unixsocket",
                socket.toString(),
                "--save",
                "",
                "--dir",
                directory.toString()));
    try {
      Targets.await("a socket", () -> Files.exists(socket));
      PacedRedis redis =
          new PacedRedis(server, SocketChannel.open(UnixDomainSocketAddress.of(socket)));
      for (int key = 0; key < KEYS; key += BATCH) {
        redis.set(key, BATCH);
      }
      return redis;
    } catch (IOException | RuntimeException | Error e) {
      server.close();
      throw e;
    }
  }

  public LiveTarget server() {
    return server;
  }

  /** {@return keys set since {@link #setKeys}} */
  public long served() {
    return served.get();
  }

  /** Sets random keys from now on. */
  public void setKeys(int perSecond) {
    Thread thread =
        new Thread(
            () -> {
              long began = System.nanoTime();
              try {
                while (!stopped) {
                  double due = (System.nanoTime() - began) / 1e9 * perSecond;
                  while (served.get() < due && !stopped) {
                    set(-1, BATCH);
                    served.addAndGet(BATCH);
                  }
                  LiveTarget.pause(2);
                }
              } catch (IOException e) {
                stopped = true; // the server is gone, which the test notices
              }
            },
            "redis-client");
    client = thread;
    thread.start();
  }

  /** Sets keys in one pipeline and waits for the answers; random ones if {@code first} is -1. */
  private void set(int first, int count) throws IOException {
    StringBuilder orders = new StringBuilder();
    for (int i = 0; i < count; i++) {
      String key = String.format("key:%08d", first < 0 ? random.nextInt(KEYS) : first + i);
      orders.append("*3\r\n$3\r\nSET\r\n$").append(key.length()).append("\r\n").append(key);
      // A value of its own each time: what is set to what it was would be left out of the images.
      String value = VALUE + String.format("%010d", random.nextInt(1_000_000_000));
      orders.append("\r\n$").append(value.length()).append("\r\n").append(value).append("\r\n");
    }
    ByteBuffer request = ByteBuffer.wrap(orders.toString().getBytes(StandardCharsets.US_ASCII));
    while (request.hasRemaining()) {
      channel.write(request);
    }
    int expected = "+OK\r\n".length() * count;
    for (int got = 0; got < expected; ) {
      int read = channel.read(answers.clear());
      if (read < 0) {
        throw new IOException("redis hung up");
      }
      got += read;
    }
  }

  @Override
  public void close() throws IOException {
    stopped = true;
    try {
      if (client != null) {
        client.join();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    channel.close();
    server.close();
  }
}
