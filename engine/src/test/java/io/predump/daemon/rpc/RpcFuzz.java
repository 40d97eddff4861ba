package io.predump.daemon.rpc;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.predump.criu.RpcCriu;
import io.predump.criu.RpcTypes;
import io.predump.daemon.FuzzTally;
import io.predump.linux.Fd;
import io.predump.linux.net.Deadline;
import io.predump.linux.net.UnixSocket;
import io.predump.proto.CriuFeatures;
import io.predump.proto.CriuOptions;
import io.predump.proto.CriuPageServer;
import io.predump.proto.CriuRequest;
import io.predump.proto.CriuResponse;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;

/**
 * Talks to a server of CRIU's RPC: well-formed requests, mutated ones, noise; by itself, or handing
 * over a socket as the program {@code criu} does, or something that is none. It names no directory
 * that is there, so that no request, whatever it comes to mean, reaches a process.
 */
final class RpcFuzz {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private final Path server;
  private final Random random;
  private final FuzzTally tally = new FuzzTally();

  RpcFuzz(Path server, Random random) {
    this.server = server;
    this.random = random;
  }

  /** {@return what came of it so far} */
  FuzzTally tally() {
    return tally;
  }

  /** One connection. */
  void converse() throws IOException {
    tally.converse(this::talk);
  }

  private void talk() throws IOException {
    try (UnixSocket socket =
        UnixSocket.connect(server.toString(), UnixSocket.Type.SEQPACKET, soon())) {
      switch (random.nextInt(4)) {
        case 0 -> handOver(socket);
        case 1 -> handOverWhatIsNone(socket);
        default -> speak(socket);
      }
    }
  }

  private static Deadline soon() {
    return Deadline.after(PATIENCE);
  }

  private void speak(UnixSocket socket) throws IOException {
    for (int i = random.nextInt(3); i >= 0; i--) {
      socket.send(ByteBuffer.wrap(packet()), soon());
    }
    socket.shutdownOutput();
    read(socket);
  }

  /** The request waits in our socket while the server reads a copy of it, which may be another. */
  private void handOver(UnixSocket socket) throws IOException {
    List<UnixSocket> pair = UnixSocket.pair(UnixSocket.Type.SEQPACKET);
    try (UnixSocket near = pair.get(0);
        UnixSocket far = pair.get(1)) {
      byte[] packet = packet();
      near.send(ByteBuffer.wrap(packet), soon());
      near.shutdownOutput();
      byte[] copy = random.nextInt(4) == 0 ? packet() : packet;
      socket.send(ByteBuffer.wrap(copy), List.of(far.descriptor()), soon());
      socket.shutdownOutput();
      ByteBuffer verdict = ByteBuffer.allocate(16);
      if (socket.receive(verdict, soon()) > 0 && verdict.get(0) == 'e') {
        far.close();
        read(near);
      }
    }
  }

  private void handOverWhatIsNone(UnixSocket socket) throws IOException {
    List<UnixSocket> pair = UnixSocket.pair(UnixSocket.Type.STREAM);
    try (UnixSocket near = pair.get(0);
        UnixSocket far = pair.get(1);
        Fd root = Fd.openDirectory("/")) {
      List<Fd> descriptors =
          switch (random.nextInt(4)) {
            case 0 -> List.of(root);
            case 1 -> List.of(root, near.descriptor());
            case 2 -> List.of(far.descriptor(), far.descriptor(), root);
            default -> List.of(far.descriptor());
          };
      socket.send(ByteBuffer.wrap(packet()), descriptors, soon());
      socket.shutdownOutput();
      socket.receive(ByteBuffer.allocate(16), soon());
    }
  }

  private void read(UnixSocket socket) throws IOException {
    ByteBuffer packet = ByteBuffer.allocate(RpcCriu.MESSAGE_BYTES);
    while (socket.receive(packet, soon()) > 0) {
      tally.answered(parsed(packet.flip()).getCrErrmsg());
      packet.clear();
    }
  }

  private static CriuResponse parsed(ByteBuffer packet) {
    try {
      return CriuResponse.parseFrom(packet);
    } catch (InvalidProtocolBufferException e) {
      throw new AssertionError("the server sent what is no response", e);
    }
  }

  private byte[] packet() {
    byte[] request = request().toByteArray();
    return switch (random.nextInt(4)) {
      case 0 -> request;
      case 1 -> noise(1 + random.nextInt(random.nextInt(8) == 0 ? RpcCriu.MESSAGE_BYTES : 200));
      default -> mutated(request);
    };
  }

  private CriuRequest request() {
    CriuRequest.Builder request =
        CriuRequest.newBuilder().setType(type()).setKeepOpen(random.nextInt(4) == 0);
    if (random.nextBoolean()) {
      request.setOpts(options());
    }
    if (random.nextInt(4) == 0) {
      request.setFeatures(CriuFeatures.newBuilder().setMemTrack(random.nextBoolean()));
    }
    if (random.nextInt(8) == 0) {
      request.setNotifySuccess(random.nextBoolean());
    }
    return request.build();
  }

  private int type() {
    List<Integer> known =
        List.of(
            RpcTypes.DUMP,
            RpcTypes.PRE_DUMP,
            RpcTypes.SINGLE_PRE_DUMP,
            RpcTypes.FEATURE_CHECK,
            RpcTypes.VERSION,
            RpcTypes.NOTIFY);
    return random.nextInt(8) == 0 ? random.nextInt() : known.get(random.nextInt(known.size()));
  }

  private CriuOptions options() {
    CriuOptions.Builder options =
        CriuOptions.newBuilder()
            .setImagesDirFd(random.nextBoolean() ? -1 : Integer.MAX_VALUE - random.nextInt(9))
            .setImagesDir("/nowhere/" + text());
    if (random.nextInt(8) != 0) {
      options.setPid(1 << 30 | random.nextInt()); // no process has such a number
    }
    if (random.nextInt(4) == 0) {
      options.setWorkDirFd(random.nextInt()).setLogFile(text());
    }
    if (random.nextInt(4) == 0) {
      options.setParentImg(text()).setTrackMem(random.nextBoolean());
    }
    if (random.nextInt(8) == 0) {
      options.setPs(CriuPageServer.newBuilder().setAddress(text()).setPort(random.nextInt()));
    }
    if (random.nextInt(8) == 0) {
      options.setLazyPages(random.nextBoolean()).setLeaveRunning(random.nextBoolean());
    }
    return options.build();
  }

  private String text() {
    byte[] bytes = noise(random.nextInt(20));
    return ByteString.copyFrom(bytes).toStringUtf8();
  }

  private byte[] noise(int length) {
    byte[] noise = new byte[length];
    random.nextBytes(noise);
    return noise;
  }

  private byte[] mutated(byte[] bytes) {
    byte[] changed = bytes.clone();
    for (int i = 1 + random.nextInt(3); i > 0; i--) {
      changed[random.nextInt(changed.length)] ^= (byte) (1 << random.nextInt(8));
    }
    return changed;
  }
}
