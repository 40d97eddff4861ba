package io.predump.daemon.rpc;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Clients of CRIU's RPC that keep to no protocol: the server lives, and answers the others. */
@Timeout(120)
final class HostileRpcClientIT {
  @TempDir Path directory;

  @Test
  void randomPacketsMutatedRequestsAndStrangeDescriptorsDoNoHarm() throws IOException {
    long seed = Long.getLong("predump.fuzz.seed", System.nanoTime());
    int seconds = Integer.getInteger("predump.fuzz.seconds", 30);
    System.out.printf("rpc fuzz: seed=%d seconds=%d%n", seed, seconds);
    try (ServedHere rpc = ServedHere.start(directory, uselessCriu())) {
      RpcFuzz fuzz = new RpcFuzz(rpc.socket(), new Random(seed));
      long end = System.nanoTime() + seconds * 1_000_000_000L;
      while (System.nanoTime() < end) {
        fuzz.converse();
      }
      System.out.printf("rpc fuzz: %s%n", fuzz.tally());
      assertThat(fuzz.tally().answers())
          .as("it reached behind the parser, seed=%d", seed)
          .isPositive();
      assertThat(fuzz.tally().internalErrors()).as("seed=%d", seed).isEmpty();
      assertThat(rpc.sessions().count()).isZero();
      try (RpcRequests client = rpc.connect()) {
        assertThat(client.ask(RpcRequests.version()).getCrErrmsg())
            .contains("ended without an answer: useless");
      }
    }
  }

  /** What a request that is passed on comes to mean is not tried on this machine. */
  private Path uselessCriu() throws IOException {
    Path criu =
        Files.writeString(
            directory.resolve("useless"),
            "#!/bin/sh\n[ \"$*\" = --version ] && echo 'Version: 4.2'\necho useless\nexit 1\n");
    return Files.setPosixFilePermissions(criu, PosixFilePermissions.fromString("rwx------"));
  }
}
