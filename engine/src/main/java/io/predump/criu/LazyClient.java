package io.predump.criu;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;

/**
 * The client of CRIU's {@code --lazy-pages} that asks for no page: CRIU serves one client, on the
 * loopback device, and holds the tree until that leaves.
 *
 * @param port where CRIU listens
 */
record LazyClient(int port) {
  private static final int TIMEOUT_MILLIS = 5000;

  /** Picks a port that is free now. */
  static LazyClient choosePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return new LazyClient(socket.getLocalPort());
    }
  }

  /** {@return the arguments for CRIU} */
  List<String> arguments() {
    return List.of("--lazy-pages", "--address", "127.0.0.1", "--port", String.valueOf(port));
  }

  /** Connects and closes: saying goodbye takes CRIU 200 ms. */
  void comeAndGo() throws IOException {
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), TIMEOUT_MILLIS);
    }
  }
}
