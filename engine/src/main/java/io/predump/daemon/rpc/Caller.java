package io.predump.daemon.rpc;

import com.google.protobuf.InvalidProtocolBufferException;
import io.predump.criu.RpcClient;
import io.predump.criu.RpcCriu;
import io.predump.criu.RpcTypes;
import io.predump.daemon.DaemonException;
import io.predump.daemon.ErrorCode;
import io.predump.daemon.Peer;
import io.predump.linux.Fd;
import io.predump.linux.Pid;
import io.predump.linux.RemoteFd;
import io.predump.linux.net.Deadline;
import io.predump.linux.net.UnixSocket;
import io.predump.proto.CriuRequest;
import io.predump.proto.CriuResponse;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * A client of CRIU's RPC: its socket, and the process whose descriptors its requests name. Used by
 * one thread.
 */
final class Caller implements RpcClient {
  /** To send an answer to a stage, or take a message: the tree may stand frozen meanwhile. */
  private static final Duration PATIENCE = Duration.ofMinutes(2);

  private final UnixSocket socket;
  private final Pid pid;

  private Caller(UnixSocket socket, Pid pid) {
    this.socket = socket;
    this.pid = pid;
  }

  /**
   * Makes sure of who is at the other end.
   *
   * @param socket borrowed
   * @throws DaemonException if it is nobody we serve
   */
  static Caller of(UnixSocket socket) throws IOException {
    Peer peer = Peer.of(socket.peer());
    if (!peer.isPrivileged()) {
      throw new DaemonException(ErrorCode.LACKING, "user " + peer.uid() + " is not served");
    }
    if (peer.pid() == 0 || !namespace(new Pid(peer.pid())).equals(namespace(Pid.self()))) {
      throw new DaemonException(
          ErrorCode.LACKING, "a client in another pid namespace is not served");
    }
    return new Caller(socket, new Pid(peer.pid()));
  }

  private static Path namespace(Pid pid) throws IOException {
    return Files.readSymbolicLink(Path.of(pid.procPath("ns/pid")));
  }

  UnixSocket socket() {
    return socket;
  }

  /** {@return the process whose descriptors requests name} */
  Pid pid() {
    return pid;
  }

  /** {@return what a descriptor is that a request names} */
  Fd descriptor(int number) throws IOException {
    return new RemoteFd(number).copyFrom(pid);
  }

  /**
   * {@return the next request, empty if the client wants nothing more}
   *
   * @throws InvalidProtocolBufferException if it is none
   */
  Optional<CriuRequest> receive(Deadline deadline) throws IOException {
    ByteBuffer packet = ByteBuffer.allocate(RpcCriu.MESSAGE_BYTES);
    return socket.receive(packet, deadline) < 0
        ? Optional.empty()
        : Optional.of(CriuRequest.parseFrom(packet.flip()));
  }

  void send(CriuResponse response) throws IOException {
    socket.send(ByteBuffer.wrap(response.toByteArray()), Deadline.after(PATIENCE));
  }

  @Override
  public boolean notify(CriuResponse stage) throws IOException {
    send(stage);
    Optional<CriuRequest> answer = receive(Deadline.after(PATIENCE));
    if (answer.isEmpty()) {
      throw new DaemonException(
          ErrorCode.FAILURE, "the client is gone at " + stage.getNotify().getScript());
    }
    return answer.get().getType() == RpcTypes.NOTIFY && answer.get().getNotifySuccess();
  }
}
