package io.predump.daemon.rpc;

import io.predump.criu.RpcCriu;
import io.predump.criu.RpcTypes;
import io.predump.linux.Fd;
import io.predump.linux.Pid;
import io.predump.linux.net.Deadline;
import io.predump.linux.net.UnixSocket;
import io.predump.proto.CriuFeatures;
import io.predump.proto.CriuOptions;
import io.predump.proto.CriuRequest;
import io.predump.proto.CriuResponse;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * A client of CRIU's RPC, as simple as one can be; its directories stay open until it is closed.
 */
final class RpcRequests implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final UnixSocket socket;
  private final List<Fd> directories = new ArrayList<>();

  private RpcRequests(UnixSocket socket) {
    this.socket = socket;
  }

  static RpcRequests connect(Path path) throws IOException {
    return new RpcRequests(
        UnixSocket.connect(path.toString(), UnixSocket.Type.SEQPACKET, Deadline.after(PATIENCE)));
  }

  /** One with a socket of its own. */
  static RpcRequests of(UnixSocket socket) {
    return new RpcRequests(socket);
  }

  static CriuRequest version() {
    return CriuRequest.newBuilder().setType(RpcTypes.VERSION).build();
  }

  static CriuRequest memTrack() {
    return CriuRequest.newBuilder()
        .setType(RpcTypes.FEATURE_CHECK)
        .setFeatures(CriuFeatures.newBuilder().setMemTrack(true))
        .build();
  }

  /** A request about a process, into a directory that is made, and logging there. */
  CriuRequest about(int type, Pid target, Path images, UnaryOperator<CriuOptions.Builder> more)
      throws IOException {
    Files.createDirectories(images);
    Fd directory = Fd.openDirectory(images.toString());
    directories.add(directory);
    return CriuRequest.newBuilder()
        .setType(type)
        .setOpts(
            more.apply(
                CriuOptions.newBuilder()
                    .setImagesDirFd(directory.number())
                    .setPid(target.number())
                    .setLogLevel(4)
                    .setLogFile("dump.log")))
        .build();
  }

  CriuResponse ask(CriuRequest request) throws IOException {
    send(request);
    return receive();
  }

  void send(CriuRequest request) throws IOException {
    sendBytes(request.toByteArray());
  }

  void sendBytes(byte[] packet) throws IOException {
    socket.send(ByteBuffer.wrap(packet), Deadline.after(PATIENCE));
  }

  CriuResponse receive() throws IOException {
    ByteBuffer packet = ByteBuffer.allocate(RpcCriu.MESSAGE_BYTES);
    if (socket.receive(packet, Deadline.after(PATIENCE)) < 0) {
      throw new IOException("the other end is gone");
    }
    return CriuResponse.parseFrom(packet.flip());
  }

  /** Whether the other end has hung up. */
  boolean isOver() throws IOException {
    return socket.receive(ByteBuffer.allocate(1), Deadline.after(PATIENCE)) < 0;
  }

  /**
   * Goes without an answer. The directories stay open: a request under way names them by number,
   * which must not mean another one by then.
   */
  void hangUp() {
    socket.close();
  }

  @Override
  public void close() {
    socket.close();
    directories.forEach(Fd::close);
  }
}
