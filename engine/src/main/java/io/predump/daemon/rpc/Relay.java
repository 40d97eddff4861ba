package io.predump.daemon.rpc;

import io.predump.criu.CriuProgram;
import io.predump.criu.RpcCriu;
import io.predump.criu.RpcTypes;
import io.predump.daemon.DaemonException;
import io.predump.daemon.ErrorCode;
import io.predump.linux.Errno;
import io.predump.linux.SyscallException;
import io.predump.linux.net.Deadline;
import io.predump.linux.net.ReceivedMessage;
import io.predump.proto.CriuRequest;
import io.predump.proto.CriuResponse;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.function.UnaryOperator;

/**
 * Has a criu of our own serve a client's requests, and passes on every packet, with the descriptors
 * that come with CRIU's. Used by one thread.
 */
final class Relay implements AutoCloseable {
  private final Caller caller;
  private final RpcCriu criu;

  private Relay(Caller caller, RpcCriu criu) {
    this.caller = caller;
    this.criu = criu;
  }

  /** Starts a criu for a client. */
  static Relay start(Caller caller, CriuProgram program) throws IOException {
    return new Relay(caller, RpcCriu.start(program));
  }

  /**
   * Has one request served.
   *
   * @param change what becomes of the last response
   * @return the response, sent already
   * @throws IOException if either end is gone, or what the request names cannot be had
   */
  CriuResponse serve(CriuRequest request, UnaryOperator<CriuResponse> change) throws IOException {
    try (Translation ours = Translation.of(caller, request)) {
      send(ByteBuffer.wrap(ours.request().toByteArray()));
      while (true) {
        ByteBuffer packet = ByteBuffer.allocate(RpcCriu.MESSAGE_BYTES);
        try (ReceivedMessage message = receive(packet)) {
          packet.flip();
          CriuResponse response = CriuResponse.parseFrom(packet.duplicate());
          if (response.getType() != RpcTypes.NOTIFY) {
            CriuResponse changed = change.apply(response);
            ByteBuffer last =
                changed.equals(response) ? packet : ByteBuffer.wrap(changed.toByteArray());
            caller.socket().send(last, message.descriptors(), Deadline.NEVER);
            return changed;
          }
          caller.socket().send(packet, message.descriptors(), Deadline.NEVER);
        }
        passAnswer();
      }
    }
  }

  /** The client's answer to a notification may hold more than yes or no. */
  private void passAnswer() throws IOException {
    ByteBuffer packet = ByteBuffer.allocate(RpcCriu.MESSAGE_BYTES);
    if (caller.socket().receive(packet, Deadline.NEVER) < 0) {
      throw new DaemonException(ErrorCode.FAILURE, "the client is gone");
    }
    send(packet.flip());
  }

  private void send(ByteBuffer packet) throws IOException {
    try {
      criu.socket().send(packet, Deadline.NEVER);
    } catch (SyscallException e) {
      throw hungUp(e) ? ended() : e;
    }
  }

  private ReceivedMessage receive(ByteBuffer packet) throws IOException {
    ReceivedMessage message;
    try {
      message = criu.socket().receiveWithDescriptors(packet, Deadline.NEVER);
    } catch (SyscallException e) {
      throw hungUp(e) ? ended() : e;
    }
    if (message.byteCount() == 0) {
      message.close();
      throw ended();
    }
    return message;
  }

  /**
   * {@return whether that is how one sees that the other has ended: before it read all, or after}
   */
  private static boolean hungUp(SyscallException e) {
    return e.is(Errno.EPIPE) || e.is(Errno.ECONNRESET);
  }

  private IOException ended() {
    return new DaemonException(
        ErrorCode.FAILURE,
        "criu (" + criu.program().path() + ") ended without an answer: " + criu.lastWords());
  }

  @Override
  public void close() throws IOException {
    criu.close();
  }
}
