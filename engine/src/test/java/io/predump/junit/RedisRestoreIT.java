package io.predump.junit;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.criu.StockCriu;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * Redis under clients that write and read, checkpointed and restored: the data set is that of
 * another server that was given the same writes, and was never checkpointed.
 */
final class RedisRestoreIT {
  private static final int KEYS = 5000;
  private static final int VALUE_LENGTH = 1000;

  @RegisterExtension final CheckpointTarget redis = server();

  @RegisterExtension final CheckpointTarget reference = server();

  private volatile int acknowledged;

  private static CheckpointTarget server() {
    return CheckpointTarget.command(
            "redis-server",
            "--port",
            "{port}",
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--enable-debug-command",
            "yes")
        .readyWhenListening()
        .build();
  }

  /** Clients stay connected: their connections come back with the server. */
  @Test
  void clientsGoOnOverTheSameConnections() throws Exception {
    try (RedisClient writer = RedisClient.connect(redis.port());
        RedisClient reader = RedisClient.connect(redis.port())) {
      Load writes = redis.load(() -> write(writer));
      Load reads = redis.load(() -> read(reader));

      Checkpoint checkpoint =
          redis
              .checkpoint()
              .rounds(3)
              .withCriu(StockCriu.program().path())
              .dumpArguments("--tcp-established", "--network-lock", "nftables")
              .take();
      assertThat(redis.isRunning()).isFalse();
      checkpoint.assertSameAsMemory();

      checkpoint.restore("--tcp-established", "--network-lock", "nftables").assertSameAsImages();

      writes.requireWorking();
      reads.requireWorking();
      writes.close();
      reads.close();
      assertSameDataAsTheReference(Integer.parseInt(lastWrite()));
    }
  }

  /** Connections are closed by the dump: clients connect anew. */
  @Test
  void everyAcknowledgedWriteIsThereWhenConnectionsWereClosed() throws Exception {
    try (RedisClient writer = RedisClient.connect(redis.port());
        RedisClient reader = RedisClient.connect(redis.port())) {
      redis.load(() -> write(writer));
      redis.load(() -> read(reader));

      Checkpoint checkpoint =
          redis
              .checkpoint()
              .rounds(3)
              .withCriu(StockCriu.program().path())
              .dumpArguments("--tcp-close")
              .take();
      checkpoint.assertSameAsMemory();
      int before = acknowledged;
      checkpoint.restore("--tcp-close").assertSameAsImages();

      // The last one may have been done, and its answer lost with the connection.
      int done = Integer.parseInt(lastWrite());
      assertThat(done).isBetween(before, before + 1).isGreaterThan(100);
      assertSameDataAsTheReference(done);
    }
  }

  private void write(RedisClient client) throws IOException {
    int number = acknowledged + 1;
    client.ask(writeOf(number));
    acknowledged = number;
  }

  /** Write N, one command: a key that recurs gets N's value, and "last" says N. */
  private static String[] writeOf(int number) {
    String value =
        new Random(number)
            .ints('a', 'z' + 1)
            .limit(VALUE_LENGTH)
            .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
            .toString();
    return new String[] {"MSET", "key:" + number % KEYS, value, "last", "" + number};
  }

  private static void read(RedisClient client) throws IOException {
    String value = client.ask("GET", "key:" + System.nanoTime() % KEYS);
    assertThat(value.length()).isIn(0, VALUE_LENGTH);
  }

  private String lastWrite() throws IOException {
    try (RedisClient client = RedisClient.connect(redis.port())) {
      return client.ask("GET", "last");
    }
  }

  private void assertSameDataAsTheReference(int writes) throws IOException {
    try (RedisClient client = RedisClient.connect(redis.port());
        RedisClient other = RedisClient.connect(reference.port())) {
      List<String[]> commands = new ArrayList<>();
      for (int number = Math.max(1, writes - KEYS + 1); number <= writes; number++) {
        commands.add(writeOf(number));
      }
      for (int from = 0; from < commands.size(); from += 100) {
        other.ask(commands.subList(from, Math.min(commands.size(), from + 100)));
      }
      String digest = client.ask("DEBUG", "DIGEST");
      assertThat(digest).hasSize(40).isEqualTo(other.ask("DEBUG", "DIGEST"));
      other.ask("SET", "last", "0");
      assertThat(other.ask("DEBUG", "DIGEST")).as("the control").isNotEqualTo(digest);
    }
  }
}
