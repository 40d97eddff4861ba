package io.predump.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.predump.engine.SessionOptions;
import io.predump.engine.Targets;
import io.predump.linux.SyscallException;
import io.predump.linux.net.UnixSocket;
import io.predump.linux.testkit.LiveTarget;
import io.predump.proto.control.Hello;
import io.predump.proto.control.Request;
import io.predump.proto.control.WatchCall;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Peers that keep to no protocol: the daemon lives, and answers the others. */
@Timeout(120)
final class HostilePeerIT {
  private static final Duration SHORT = Duration.ofMillis(300);

  @TempDir Path directory;

  private static ServerLimits limits(int connections, Duration messageTime) {
    return new ServerLimits(connections, 4, 64 << 10, messageTime, Duration.ofSeconds(2), 256);
  }

  private static void answers(TestServer server) throws IOException {
    try (ControlClient client = server.client()) {
      assertThat(client.list()).isEmpty();
    }
  }

  @Test
  void garbageHugeLengthsAndHalfMessagesEndTheirOwnConnectionAlone() throws IOException {
    List<byte[]> sent =
        List.of(
            new byte[] {(byte) 0xff, (byte) 0xff, (byte) 0xff, (byte) 0xff, 0x7f},
            new byte[] {(byte) 0xff, (byte) 0xff, 0x7f},
            new byte[] {(byte) 0x81, (byte) 0x80, 0x04},
            new byte[] {0},
            new byte[] {5, 1, 2, 3},
            new byte[] {2, (byte) 0xff, (byte) 0xff},
            "GET / HTTP/1.1\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
    try (TestServer server = TestServer.start(directory, limits(32, SHORT))) {
      for (byte[] bytes : sent) {
        try (UnixSocket raw = server.raw()) {
          raw.send(ByteBuffer.wrap(bytes), TestServer.soon());
          TestServer.awaitEnd(raw);
        }
        answers(server);
      }
    }
  }

  @Test
  void aPeerThatDripsItsMessageIsLeft() throws IOException {
    try (TestServer server = TestServer.start(directory, limits(32, SHORT))) {
      assertThat(dripped(server)).as("bytes it could send in 1.5 s").isLessThan(100);
      answers(server);
    }
  }

  /** The control: with all the time in the world it goes on dripping. */
  @Test
  void withoutABoundOnTimeItGoesOn() throws IOException {
    try (TestServer server = TestServer.start(directory, limits(32, Duration.ofHours(1)))) {
      assertThat(dripped(server)).isEqualTo(150);
    }
  }

  private static int dripped(TestServer server) throws IOException {
    try (UnixSocket slow = server.raw()) {
      slow.send(ByteBuffer.wrap(new byte[] {(byte) 0xff, 0x7f}), TestServer.soon());
      int bytes = 0;
      try {
        for (; bytes < 150; bytes++) {
          slow.send(ByteBuffer.wrap(new byte[] {0}), TestServer.soon());
          LiveTarget.pause(10);
        }
      } catch (SyscallException e) {
        assertThat(e.getMessage()).contains("EPIPE");
      }
      return bytes;
    }
  }

  @Test
  void tenThousandConnectionsKeepNobodyOut() throws IOException {
    try (TestServer server = TestServer.start(directory, limits(16, Duration.ofSeconds(20)))) {
      int threads = Thread.activeCount();
      List<UnixSocket> open = new ArrayList<>();
      for (int i = 0; i < 10_000; i++) {
        open.add(server.raw());
        if (open.size() > 100) {
          open.remove(0).close();
        }
        if (i % 2500 == 0) {
          answers(server);
        }
      }
      answers(server);
      assertThat(Thread.activeCount()).isLessThan(threads + 40);
      open.forEach(UnixSocket::close);
    }
  }

  /** The control: who has said Hello is not pushed out, and the bound is one. */
  @Test
  void thoseWhoSaidHelloFillTheTable() throws IOException {
    try (TestServer server = TestServer.start(directory, limits(16, SHORT))) {
      List<ControlClient> clients = new ArrayList<>();
      for (int i = 0; i < 16; i++) {
        clients.add(server.client());
      }
      assertThatThrownBy(() -> server.client()).isInstanceOf(IOException.class);
      clients.remove(0).close();
      Targets.await("there is room again", () -> isAnswered(server));
      clients.forEach(ControlClient::close);
    }
  }

  private static boolean isAnswered(TestServer server) {
    try {
      answers(server);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  @Test
  void aStrangerHasItsShareAlone() throws IOException {
    boolean[] strange = {true};
    try (TestServer server =
        TestServer.start(
            directory,
            limits(16, Duration.ofSeconds(20)),
            socket -> strange[0] ? TestServer.STRANGER : Peer.self())) {
      List<ControlClient> clients = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        clients.add(server.client());
      }
      assertThatThrownBy(() -> server.client()).isInstanceOf(IOException.class);
      strange[0] = false;
      answers(server);
      clients.forEach(ControlClient::close);
    }
  }

  /** Each of another user, all of whom said Hello: a quarter of the table is not theirs. */
  @Test
  void manyStrangersLeaveRoomForRoot() throws IOException {
    AtomicInteger users = new AtomicInteger(60_000);
    boolean[] strange = {true};
    try (TestServer server =
        TestServer.start(
            directory,
            limits(16, Duration.ofSeconds(20)),
            socket ->
                strange[0] ? new Peer(users.incrementAndGet(), 60_000, 0, "") : Peer.self())) {
      List<ControlClient> clients = new ArrayList<>();
      for (int i = 0; i < 12; i++) {
        clients.add(server.client());
      }
      assertThatThrownBy(() -> server.client()).isInstanceOf(IOException.class);
      strange[0] = false;
      for (int i = 0; i < 4; i++) {
        clients.add(server.client());
      }
      clients.forEach(ControlClient::close);
    }
  }

  /** Its socket takes some 200 KiB before it is full; warnings are as long as we like. */
  @Test
  void aWatcherThatDoesNotReadHoldsNothingUpAndIsLeft() throws Exception {
    ServerLimits small = new ServerLimits(16, 4, 64 << 10, SHORT, Duration.ofMillis(300), 4);
    try (LiveTarget target = Targets.ready("writer", 31, 16, 1000);
        TestServer server = TestServer.start(directory, small);
        UnixSocket deaf = server.raw()) {
      SessionOptions options = SessionOptions.defaults("test").withThreads(1);
      ManagedSession session =
          server.sessions.attach(
              Peer.self(), AttachRequest.of(target.pid(), directory.resolve("images"), options));
      MessageChannel channel = new MessageChannel(deaf, 1 << 16, SHORT);
      channel.write(Hello.newBuilder().setVersion(1).build(), TestServer.soon());
      channel.write(
          Request.newBuilder().setWatch(WatchCall.newBuilder().setSession("s1")).build(),
          TestServer.soon());
      LiveTarget.pause(300);
      SessionWatcher told = session.watchers();
      long began = System.nanoTime();
      for (int i = 0; i < 100; i++) {
        told.warning(i + " " + "x".repeat(60_000));
      }
      assertThat(System.nanoTime() - began).as("nanoseconds").isLessThan(1_000_000_000L);
      assertThat(session.round()).isPresent();
      TestServer.awaitEnd(deaf);
    }
  }

  @Test
  void randomBytesAndMutatedMessagesDoNoHarm() throws Exception {
    long seed = Long.getLong("predump.fuzz.seed", System.nanoTime());
    int seconds = Integer.getInteger("predump.fuzz.seconds", 30);
    System.out.printf("fuzz: seed=%d seconds=%d%n", seed, seconds);
    boolean[] strange = {true};
    // As a stranger: whatever a message comes to mean, no process here is that user's to attach.
    try (TestServer server =
        TestServer.start(
            directory,
            limits(64, SHORT),
            socket -> strange[0] ? TestServer.STRANGER : Peer.self())) {
      Random random = new Random(seed);
      ProtocolFuzz fuzz = new ProtocolFuzz(server, random);
      long end = System.nanoTime() + seconds * 1_000_000_000L;
      while (System.nanoTime() < end) {
        fuzz.converse();
      }
      System.out.printf("fuzz: %s%n", fuzz.tally());
      assertThat(fuzz.tally().answers())
          .as("it reached behind the parser, seed=%d", seed)
          .isPositive();
      assertThat(fuzz.tally().internalErrors()).as("seed=%d", seed).isEmpty();
      strange[0] = false;
      answers(server);
    }
  }
}
