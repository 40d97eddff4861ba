package io.predump.junit;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The example of engine/README.md, word by word. */
final class RedisCheckpointIT {
  @RegisterExtension
  final CheckpointTarget redis =
      CheckpointTarget.command("redis-server", "--port", "{port}", "--save", "")
          .readyWhenListening()
          .build();

  @Test
  void everyPageUnderLoadIsInTheImages() throws Exception {
    redis.load("redis-benchmark", "-p", "{port}", "-t", "set", "-r", "10000", "-n", "100000000");

    Checkpoint checkpoint = redis.checkpoint().rounds(4).take();

    checkpoint.assertSameAsMemory();
    assertThat(checkpoint.rounds()).hasSize(5);
  }
}
