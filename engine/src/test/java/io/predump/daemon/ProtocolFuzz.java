package io.predump.daemon;

import io.predump.linux.net.Deadline;
import io.predump.linux.net.UnixSocket;
import io.predump.proto.control.AttachCall;
import io.predump.proto.control.CopyOptions;
import io.predump.proto.control.Event;
import io.predump.proto.control.FinalKind;
import io.predump.proto.control.FinishCall;
import io.predump.proto.control.Hello;
import io.predump.proto.control.ListCall;
import io.predump.proto.control.ProbeCall;
import io.predump.proto.control.Request;
import io.predump.proto.control.RoundCall;
import io.predump.proto.control.StatusCall;
import io.predump.proto.control.WatchCall;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;
import java.util.Random;

/** Talks to a server: well-formed messages, mutated ones, and noise. */
final class ProtocolFuzz {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private final TestServer server;
  private final Random random;
  private final FuzzTally tally = new FuzzTally();

  ProtocolFuzz(TestServer server, Random random) {
    this.server = server;
    this.random = random;
  }

  /** {@return what came of it so far} */
  FuzzTally tally() {
    return tally;
  }

  /** One connection: Hello, and up to eight messages of all kinds. */
  void converse() throws IOException {
    tally.converse(this::talk);
  }

  private void talk() throws IOException {
    try (UnixSocket socket = server.raw()) {
      MessageChannel channel = new MessageChannel(socket, MessageChannel.MOST_BYTES, PATIENCE);
      byte[] hello = framed(Hello.newBuilder().setVersion(1).build().toByteArray());
      socket.send(ByteBuffer.wrap(random.nextInt(8) == 0 ? mutated(hello) : hello), soon());
      for (int i = random.nextInt(8); i >= 0; i--) {
        byte[] sent = framed(request().toByteArray());
        boolean whole = random.nextInt(4) == 0;
        socket.send(ByteBuffer.wrap(whole ? sent : mutated(sent)), soon());
      }
      socket.shutdownOutput();
      read(channel);
    }
  }

  private static Deadline soon() {
    return Deadline.after(PATIENCE);
  }

  private void read(MessageChannel channel) throws IOException {
    Optional<Hello> hello;
    try {
      hello = channel.read(Hello.parser(), soon());
    } catch (DaemonException e) {
      return; // to what is no Hello the answer is a failure
    }
    if (hello.isEmpty()) {
      return;
    }
    while (true) {
      Optional<Event> answer = channel.read(Event.parser(), soon());
      if (answer.isEmpty()) {
        return;
      }
      tally.answered(answer.get().getFailure().getMessage());
    }
  }

  private Request request() {
    String session = random.nextBoolean() ? "s" + random.nextInt(5) : text();
    Request.Builder request = Request.newBuilder();
    switch (random.nextInt(8)) {
      case 0 ->
          request.setAttach(
              AttachCall.newBuilder()
                  .setPid(random.nextInt())
                  .setImagesDir(random.nextBoolean() ? "/nowhere/" + text() : text())
                  .setName(text())
                  .setRpoMicros(random.nextLong())
                  .setOptions(
                      CopyOptions.newBuilder()
                          .setLevel(random.nextInt())
                          .setThreads(random.nextInt())
                          .setTracker(text())
                          .setBytesPerSecond(random.nextLong())));
      case 1 ->
          request.setRound(RoundCall.newBuilder().setSession(session).setRounds(random.nextInt()));
      case 2 ->
          request.setProbe(
              ProbeCall.newBuilder()
                  .setPid(random.nextInt())
                  .setDurationMicros(random.nextLong())
                  .setRounds(random.nextInt()));
      case 3 -> request.setStatus(StatusCall.newBuilder().setSession(session));
      case 4 ->
          request.setFinish(
              FinishCall.newBuilder()
                  .setSession(session)
                  .setFinal(FinalKind.CRIU)
                  .setCriuMode(text())
                  .addCriuArguments(text()));
      case 5 -> request.setList(ListCall.getDefaultInstance());
      case 6 -> request.setWatch(WatchCall.newBuilder().setSession(session));
      default ->
          request
              .setList(ListCall.getDefaultInstance())
              .setStatus(StatusCall.newBuilder().setSession(session));
    }
    return request.build();
  }

  private String text() {
    StringBuilder text = new StringBuilder();
    for (int i = random.nextInt(20); i > 0; i--) {
      text.append(
          (char) (random.nextInt(8) == 0 ? random.nextInt(0xd800) : 32 + random.nextInt(95)));
    }
    return text.toString();
  }

  private static byte[] framed(byte[] message) {
    ByteArrayOutputStream framed = new ByteArrayOutputStream();
    int length = message.length;
    while (length > 0x7f) {
      framed.write((length & 0x7f) | 0x80);
      length >>>= 7;
    }
    framed.write(length);
    framed.writeBytes(message);
    return framed.toByteArray();
  }

  private byte[] mutated(byte[] bytes) {
    byte[] changed = bytes.clone();
    switch (random.nextInt(4)) {
      case 0 -> {
        for (int i = 1 + random.nextInt(3); i > 0; i--) {
          changed[random.nextInt(changed.length)] ^= (byte) (1 << random.nextInt(8));
        }
      }
      case 1 -> changed[random.nextInt(changed.length)] = (byte) random.nextInt();
      case 2 -> changed = Arrays.copyOf(changed, random.nextInt(changed.length));
      default -> {
        changed = new byte[random.nextInt(200)];
        random.nextBytes(changed);
      }
    }
    return changed;
  }
}
