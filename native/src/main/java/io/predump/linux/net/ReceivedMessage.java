package io.predump.linux.net;

import io.predump.linux.Fd;
import java.util.List;

/**
 * What one recvmsg(2) brought.
 *
 * @param byteCount bytes received; 0 at the end of the stream, or for an empty packet
 * @param descriptors the descriptors that came with them, close-on-exec; the receiver owns and
 *     closes them
 */
public record ReceivedMessage(int byteCount, List<Fd> descriptors) implements AutoCloseable {
  public ReceivedMessage {
    descriptors = List.copyOf(descriptors);
  }

  /** Closes all descriptors. */
  @Override
  public void close() {
    descriptors.forEach(Fd::close);
  }
}
