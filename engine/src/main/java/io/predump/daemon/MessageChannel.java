package io.predump.daemon;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import io.predump.linux.net.Deadline;
import io.predump.linux.net.UnixSocket;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Optional;

/**
 * Messages on a stream socket, each behind its length: a varint of at most three bytes. Nothing is
 * allocated before the length is known to be allowed. One thread reads, one writes.
 */
final class MessageChannel {
  /** The longest message that anybody may send: an answer. */
  static final int MOST_BYTES = (1 << 21) - 1;

  private static final int RECURSION = 16;

  private final UnixSocket socket;
  private final int mostBytes;
  private final Duration messageTime;
  private final ByteBuffer input = ByteBuffer.allocate(8 << 10).limit(0);

  /**
   * @param socket borrowed
   * @param mostBytes the longest message to take
   * @param messageTime in which all of a message must come once it has begun
   */
  MessageChannel(UnixSocket socket, int mostBytes, Duration messageTime) {
    this.socket = socket;
    this.mostBytes = mostBytes;
    this.messageTime = messageTime;
  }

  /**
   * Reads a message.
   *
   * @param first until when it must have begun
   * @return empty at the end of the stream
   * @throws DaemonException if it is too long or none at all
   * @throws IOException if it does not come in time, or ends half-way
   */
  <T extends MessageLite> Optional<T> read(Parser<T> parser, Deadline first) throws IOException {
    if (!input.hasRemaining() && !fill(first)) {
      return Optional.empty();
    }
    Deadline whole = Deadline.after(messageTime);
    int bytes = length(whole);
    byte[] message = new byte[bytes];
    int have = 0;
    while (have < bytes) {
      require(input.hasRemaining() || fill(whole));
      int part = Math.min(bytes - have, input.remaining());
      input.get(message, have, part);
      have += part;
    }
    try {
      CodedInputStream coded = CodedInputStream.newInstance(message);
      coded.setRecursionLimit(RECURSION);
      return Optional.of(parser.parseFrom(coded));
    } catch (InvalidProtocolBufferException e) {
      throw new DaemonException(ErrorCode.USAGE, "not a message of the protocol");
    }
  }

  private int length(Deadline whole) throws IOException {
    int bytes = 0;
    for (int shift = 0; shift < 21; shift += 7) {
      require(input.hasRemaining() || fill(whole));
      byte next = input.get();
      bytes |= (next & 0x7f) << shift;
      if (next >= 0) {
        if (bytes > mostBytes) {
          throw tooLong();
        }
        return bytes;
      }
    }
    throw tooLong();
  }

  private DaemonException tooLong() {
    return new DaemonException(ErrorCode.USAGE, "a message is longer than " + mostBytes + " bytes");
  }

  private static void require(boolean more) throws IOException {
    if (!more) {
      throw new IOException("the connection ended within a message");
    }
  }

  private boolean fill(Deadline deadline) throws IOException {
    input.clear();
    int bytes = socket.receive(input, deadline);
    input.flip();
    return bytes > 0;
  }

  /** {@return whether something has come, the end of the stream included} */
  boolean hasInput() throws IOException {
    return input.hasRemaining() || socket.awaitInput(Deadline.after(Duration.ZERO));
  }

  /**
   * Writes a message.
   *
   * @throws IOException if the peer does not take it in time, or is gone
   */
  void write(Message message, Deadline deadline) throws IOException {
    int bytes = message.getSerializedSize();
    if (bytes > MOST_BYTES) {
      throw new IOException("a message is longer than " + MOST_BYTES + " bytes: " + bytes);
    }
    byte[] framed = new byte[CodedOutputStream.computeUInt32SizeNoTag(bytes) + bytes];
    CodedOutputStream out = CodedOutputStream.newInstance(framed);
    out.writeUInt32NoTag(bytes);
    message.writeTo(out);
    socket.send(ByteBuffer.wrap(framed), deadline);
  }
}
