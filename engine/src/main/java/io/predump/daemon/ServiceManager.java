package io.predump.daemon;

import io.predump.linux.net.Deadline;
import io.predump.linux.net.UnixSocket;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells the service manager how the daemon fares: the protocol of sd_notify(3), a datagram to the
 * socket that {@code NOTIFY_SOCKET} names. Without one nothing is told.
 */
final class ServiceManager {
  private static final Logger LOG = LoggerFactory.getLogger(ServiceManager.class);
  private static final Duration PATIENCE = Duration.ofSeconds(1);

  private final Optional<String> socket;

  /**
   * @param socket a path, or an abstract name that begins with {@code @}
   */
  ServiceManager(Optional<String> socket) {
    this.socket = socket;
  }

  /** {@return the one that started this process} */
  static ServiceManager ofEnvironment() {
    return new ServiceManager(Optional.ofNullable(System.getenv("NOTIFY_SOCKET")));
  }

  void ready() {
    tell("READY=1");
  }

  void stopping() {
    tell("STOPPING=1");
  }

  private void tell(String state) {
    if (socket.isEmpty()) {
      return;
    }
    Deadline deadline = Deadline.after(PATIENCE);
    try (UnixSocket manager =
        UnixSocket.connect(socket.get(), UnixSocket.Type.DATAGRAM, deadline)) {
      manager.send(ByteBuffer.wrap(state.getBytes(StandardCharsets.US_ASCII)), deadline);
    } catch (IOException | IllegalArgumentException e) {
      LOG.warn("event=notify-failed reason={}", Quoted.of(Failure.of(e).message()));
    }
  }
}
