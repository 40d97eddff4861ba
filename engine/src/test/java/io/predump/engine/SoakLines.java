package io.predump.engine;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** A connection to a server that speaks in lines, as Redis and memcached do. */
final class SoakLines implements AutoCloseable {
  private static final int TIMEOUT_MILLIS = 20_000;

  private final Socket socket;
  private final BufferedReader in;

  SoakLines(int port) throws IOException {
    socket = new Socket(InetAddress.getLoopbackAddress(), port);
    socket.setSoTimeout(TIMEOUT_MILLIS);
    socket.setTcpNoDelay(true);
    in =
        new BufferedReader(
            new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII));
  }

  /** Sends lines and returns the first line of the answer. */
  String ask(String... lines) throws IOException {
    String text = String.join("\r\n", lines) + "\r\n";
    socket.getOutputStream().write(text.getBytes(StandardCharsets.US_ASCII));
    return line();
  }

  /** {@return the next line of the answer} */
  String line() throws IOException {
    String line = in.readLine();
    if (line == null) {
      throw new IOException("the server closed the connection");
    }
    return line;
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
