package io.predump.linux.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.predump.linux.Errno;
import io.predump.linux.Fd;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(30)
class UnixSocketTest {
  private static final Deadline SOON = Deadline.after(Duration.ofSeconds(20));

  @TempDir Path directory;

  private String path() {
    return directory.resolve("s").toString();
  }

  private static ByteBuffer bytes(String text) {
    return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
  }

  private static String text(ByteBuffer received) {
    return StandardCharsets.UTF_8.decode(received.flip()).toString();
  }

  @ParameterizedTest
  @EnumSource(names = {"STREAM", "SEQPACKET"})
  void whatIsSentArrivesAndTheServerKnowsWhoSentIt(UnixSocket.Type type) throws IOException {
    try (UnixSocket server = UnixSocket.listen(path(), type, 5);
        UnixSocket client = UnixSocket.connect(path(), type, SOON);
        UnixSocket accepted = server.accept(SOON).orElseThrow()) {
      client.send(bytes("question"), SOON);
      ByteBuffer got = ByteBuffer.allocate(100);
      assertThat(accepted.receive(got, SOON)).isEqualTo(8);
      assertThat(text(got)).isEqualTo("question");
      accepted.send(bytes("answer"), SOON);
      ByteBuffer back = ByteBuffer.allocate(100);
      client.receive(back, SOON);
      assertThat(text(back)).isEqualTo("answer");

      assertThat(accepted.peer().pid()).isEqualTo(Pid.self().number());
      assertThat(accepted.peer().uid())
          .isEqualTo((int) Files.getAttribute(Path.of("/proc/self"), "unix:uid"));
      assertThat(accepted.is(type)).isTrue();
      client.shutdownOutput();
      assertThat(accepted.receive(ByteBuffer.allocate(1), SOON)).as("end").isEqualTo(-1);
    }
  }

  @Test
  void theFileIsItsOwnersAlone() throws IOException {
    try (UnixSocket server = UnixSocket.listen(path(), UnixSocket.Type.STREAM, 5)) {
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(Path.of(path()))))
          .as(server.toString())
          .isEqualTo("rw-------");
    }
  }

  @Test
  void aJavaClientTalksToIt() throws IOException {
    try (UnixSocket server = UnixSocket.listen(path(), UnixSocket.Type.STREAM, 5);
        SocketChannel client = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      client.connect(UnixDomainSocketAddress.of(path()));
      client.write(bytes("hello"));
      try (UnixSocket accepted = server.accept(SOON).orElseThrow()) {
        ByteBuffer got = ByteBuffer.allocate(100);
        accepted.receive(got, SOON);
        assertThat(text(got)).isEqualTo("hello");
      }
    }
  }

  @Test
  void packetsKeepTheirBordersAndOneTooLongIsAnError() throws IOException {
    List<UnixSocket> pair = UnixSocket.pair(UnixSocket.Type.SEQPACKET);
    try (UnixSocket one = pair.get(0);
        UnixSocket other = pair.get(1)) {
      one.send(bytes("first"), SOON);
      one.send(bytes("second"), SOON);
      ByteBuffer got = ByteBuffer.allocate(5);
      other.receive(got, SOON);
      assertThat(text(got)).isEqualTo("first");
      assertThatThrownBy(() -> other.receive(ByteBuffer.allocate(5), SOON))
          .hasMessage("recvmsg(socketpair): EMSGSIZE (a longer packet)");
      assertThatThrownBy(() -> one.send(ByteBuffer.allocate((64 << 10) + 1), SOON))
          .hasMessage("sendmsg(socketpair): EMSGSIZE");
    }
  }

  @Test
  void aLongStreamArrivesWholeThoughTheReaderIsSlow() throws Exception {
    List<UnixSocket> pair = UnixSocket.pair(UnixSocket.Type.STREAM);
    try (UnixSocket one = pair.get(0);
        UnixSocket other = pair.get(1)) {
      ByteBuffer sent = ByteBuffer.allocate(5 << 20);
      for (int i = 0; i < sent.capacity(); i++) {
        sent.put(i, (byte) (i * 31));
      }
      CompletableFuture<Void> sending = inBackground(() -> one.send(sent.duplicate(), SOON));
      ByteBuffer got = ByteBuffer.allocate(sent.capacity());
      while (got.hasRemaining()) {
        other.receive(got, SOON);
        Thread.sleep(1);
      }
      sending.get(10, TimeUnit.SECONDS);
      assertThat(got.flip()).isEqualTo(sent);
    }
  }

  @Test
  void descriptorsArriveAndAreTheReceiversOwn() throws IOException {
    Path file = Files.writeString(directory.resolve("file"), "content");
    List<UnixSocket> pair = UnixSocket.pair(UnixSocket.Type.SEQPACKET);
    try (UnixSocket one = pair.get(0);
        UnixSocket other = pair.get(1);
        Fd sent = Fd.openReadOnly(file.toString());
        Fd second = Fd.openDirectory(directory.toString())) {
      one.send(bytes("x"), List.of(sent, second), SOON);
      ReceivedMessage message = other.receiveWithDescriptors(ByteBuffer.allocate(10), SOON);
      try (message) {
        assertThat(message.byteCount()).isEqualTo(1);
        assertThat(message.descriptors()).hasSize(2);
        Fd received = message.descriptors().get(0);
        assertThat(received.number()).isNotEqualTo(sent.number());
        assertThat(Path.of("/proc/self/fd/" + received.number())).hasContent("content");
        assertThat(Files.readString(Path.of("/proc/self/fdinfo/" + received.number())))
            .as("close-on-exec: flags in octal")
            .containsPattern("flags:\\s+02");
      }
      assertThat(message.descriptors()).noneMatch(Fd::isOpen);
    }
  }

  @Test
  void descriptorsNobodyAskedForAreNotKept() throws IOException {
    List<UnixSocket> pair = UnixSocket.pair(UnixSocket.Type.STREAM);
    try (UnixSocket one = pair.get(0);
        UnixSocket other = pair.get(1);
        Fd sent = Fd.openDirectory(directory.toString())) {
      one.send(bytes("warm"), SOON);
      other.receive(ByteBuffer.allocate(10), SOON);
      long before = openDirectories();
      for (int i = 0; i < 50; i++) {
        one.send(bytes("x"), List.of(sent, sent), SOON);
        assertThat(other.receive(ByteBuffer.allocate(10), SOON)).isEqualTo(1);
      }
      assertThat(openDirectories()).isEqualTo(before);
    }
  }

  /** {@return our descriptors of the test's directory} */
  private long openDirectories() throws IOException {
    long count = 0;
    try (var entries = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
      for (Path entry : entries) {
        Optional<Path> target = Optional.empty();
        try {
          target = Optional.of(Files.readSymbolicLink(entry));
        } catch (IOException e) {
          // closed meanwhile
        }
        count += target.filter(directory::equals).isPresent() ? 1 : 0;
      }
    }
    return count;
  }

  @Test
  void waitsEndAtTheirDeadline() throws IOException {
    List<UnixSocket> pair = UnixSocket.pair(UnixSocket.Type.STREAM);
    try (UnixSocket server = UnixSocket.listen(path(), UnixSocket.Type.STREAM, 1);
        UnixSocket one = pair.get(0);
        UnixSocket silent = pair.get(1)) {
      assertThat(server.accept(shortly())).isEmpty();
      assertThat(one.awaitInput(shortly())).isFalse();
      assertThatThrownBy(() -> one.receive(ByteBuffer.allocate(1), shortly()))
          .hasMessage("recvmsg(socketpair): ETIMEDOUT");
      assertThatThrownBy(() -> one.send(ByteBuffer.allocate(8 << 20), shortly()))
          .as("nobody reads from " + silent)
          .hasMessage("sendmsg(socketpair): ETIMEDOUT");
      List<UnixSocket> waiting = new ArrayList<>();
      assertThatThrownBy(
              () -> {
                for (int i = 0; i < 10; i++) {
                  waiting.add(UnixSocket.connect(path(), UnixSocket.Type.STREAM, shortly()));
                }
              })
          .as("the backlog is full")
          .hasMessage("connect(" + path() + "): ETIMEDOUT");
      waiting.forEach(UnixSocket::close);
    }
  }

  private static Deadline shortly() {
    return Deadline.after(Duration.ofMillis(50));
  }

  /** What makes a slow peer harmless: many short waits are not longer than one. */
  @Test
  void severalWaitsShareOneDeadline() throws Exception {
    List<UnixSocket> pair = UnixSocket.pair(UnixSocket.Type.STREAM);
    try (UnixSocket one = pair.get(0);
        UnixSocket slow = pair.get(1)) {
      CompletableFuture<Void> dripping =
          inBackground(
              () -> {
                for (int i = 0; i < 100; i++) {
                  slow.send(bytes("x"), SOON);
                  Thread.sleep(10);
                }
              });
      Deadline deadline = Deadline.after(Duration.ofMillis(200));
      ByteBuffer wanted = ByteBuffer.allocate(100);
      assertThatThrownBy(
              () -> {
                while (wanted.hasRemaining()) {
                  one.receive(wanted, deadline);
                }
              })
          .hasMessage("recvmsg(socketpair): ETIMEDOUT");
      assertThat(wanted.position()).isBetween(1, 60);
      dripping.get(10, TimeUnit.SECONDS);
    }
  }

  @Test
  void closingEndsEveryWait() throws Exception {
    List<UnixSocket> pair = UnixSocket.pair(UnixSocket.Type.STREAM);
    UnixSocket server = UnixSocket.listen(path(), UnixSocket.Type.STREAM, 1);
    UnixSocket one = pair.get(0);
    try (UnixSocket other = pair.get(1)) {
      CompletableFuture<Optional<UnixSocket>> accepting =
          answerInBackground(() -> server.accept(Deadline.NEVER));
      CompletableFuture<Integer> receiving =
          answerInBackground(() -> one.receive(ByteBuffer.allocate(1), Deadline.NEVER));
      Thread.sleep(100);
      server.close();
      one.close();
      one.close();
      assertThat(accepting.get(10, TimeUnit.SECONDS)).isEmpty();
      assertThat(receiving.get(10, TimeUnit.SECONDS)).isEqualTo(-1);
      assertThat(one.awaitInput(Deadline.NEVER)).isTrue();
      assertThat(one.receive(ByteBuffer.allocate(1), Deadline.NEVER)).isEqualTo(-1);
      assertThatThrownBy(() -> one.send(bytes("x"), SOON)).hasMessage("sendmsg(socketpair): EPIPE");
      assertThatThrownBy(() -> other.send(bytes("x"), SOON))
          .as("no signal: the JVM lives")
          .hasMessage("sendmsg(socketpair): EPIPE");
    }
  }

  /** A launcher hands its connection to us and goes on with it. */
  @Test
  void closingLeavesTheConnectionToWhoeverHoldsItToo() throws IOException {
    List<UnixSocket> pair = UnixSocket.pair(UnixSocket.Type.SEQPACKET);
    try (UnixSocket holder = UnixSocket.adopt(duplicate(pair.get(0)));
        UnixSocket other = pair.get(1)) {
      pair.get(0).close();
      other.send(bytes("still there"), SOON);
      ByteBuffer got = ByteBuffer.allocate(100);
      holder.receive(got, SOON);
      assertThat(text(got)).isEqualTo("still there");
    }
  }

  private static Fd duplicate(UnixSocket socket) throws IOException {
    List<UnixSocket> courier = UnixSocket.pair(UnixSocket.Type.SEQPACKET);
    try (UnixSocket one = courier.get(0);
        UnixSocket other = courier.get(1)) {
      one.send(bytes("x"), List.of(socket.descriptor()), SOON);
      return other.receiveWithDescriptors(ByteBuffer.allocate(1), SOON).descriptors().get(0);
    }
  }

  @Test
  void datagramsGoToAbstractNamesToo() throws Exception {
    String name = "@predump-test-" + Pid.self() + "-" + System.nanoTime();
    try (UnixSocket server = UnixSocket.listenForDatagrams(name);
        UnixSocket client = UnixSocket.connect(name, UnixSocket.Type.DATAGRAM, SOON)) {
      client.send(bytes("READY=1"), SOON);
      ByteBuffer got = ByteBuffer.allocate(100);
      server.receive(got, SOON);
      assertThat(text(got)).isEqualTo("READY=1");
    }
  }

  @Test
  void failuresNameCallPathAndReason() throws IOException {
    assertThatThrownBy(() -> UnixSocket.connect(path(), UnixSocket.Type.STREAM, SOON))
        .hasMessage("connect(" + path() + "): ENOENT");
    UnixSocket.listen(path(), UnixSocket.Type.STREAM, 1).close();
    assertThatThrownBy(() -> UnixSocket.connect(path(), UnixSocket.Type.STREAM, SOON))
        .isInstanceOfSatisfying(
            SyscallException.class, e -> assertThat(e.is(Errno.ECONNREFUSED)).isTrue());
    assertThatThrownBy(() -> UnixSocket.listen(path(), UnixSocket.Type.STREAM, 1))
        .hasMessage("bind(" + path() + "): EADDRINUSE");
    String longest = "/".repeat(107);
    assertThatThrownBy(() -> UnixSocket.connect(longest, UnixSocket.Type.STREAM, SOON))
        .hasMessage("connect(" + longest + "): ECONNREFUSED");
    assertThatThrownBy(() -> UnixSocket.connect(longest + "x", UnixSocket.Type.STREAM, SOON))
        .hasMessage("not a socket's path: " + longest + "x: 1 to 107 bytes, none of them 0");
  }

  private interface Task {
    void run() throws Exception;
  }

  private interface Question<T> {
    T ask() throws Exception;
  }

  private static CompletableFuture<Void> inBackground(Task task) {
    return answerInBackground(
        () -> {
          task.run();
          return null;
        });
  }

  private static <T> CompletableFuture<T> answerInBackground(Question<T> question) {
    CompletableFuture<T> future = new CompletableFuture<>();
    Thread thread =
        new Thread(
            () -> {
              try {
                future.complete(question.ask());
              } catch (Throwable e) {
                future.completeExceptionally(e);
              }
            });
    thread.setDaemon(true);
    thread.start();
    return future;
  }
}
