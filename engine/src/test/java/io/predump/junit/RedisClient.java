package io.predump.junit;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** One connection to a Redis server; see its protocol specification. Used by one thread. */
final class RedisClient implements AutoCloseable {
  private final Socket socket;
  private final InputStream in;

  private RedisClient(Socket socket) throws IOException {
    this.socket = socket;
    this.in = new BufferedInputStream(socket.getInputStream());
  }

  static RedisClient connect(int port) throws IOException {
    return new RedisClient(new Socket(InetAddress.getLoopbackAddress(), port));
  }

  /** {@return the answer to a command: a status, a number or a string} */
  String ask(String... words) throws IOException {
    return ask(List.of(new String[][] {words})).get(0);
  }

  /** {@return the answers to several commands, sent at once} */
  List<String> ask(List<String[]> commands) throws IOException {
    StringBuilder request = new StringBuilder();
    for (String[] words : commands) {
      request.append('*').append(words.length).append("\r\n");
      for (String word : words) {
        request.append('$').append(word.length()).append("\r\n").append(word).append("\r\n");
      }
    }
    socket.getOutputStream().write(request.toString().getBytes(StandardCharsets.US_ASCII));
    String[] answers = new String[commands.size()];
    for (int i = 0; i < answers.length; i++) {
      answers[i] = answer();
    }
    return List.of(answers);
  }

  private String answer() throws IOException {
    String line = line();
    String rest = line.substring(1);
    return switch (line.charAt(0)) {
      case '+', ':' -> rest;
      case '$' -> string(Integer.parseInt(rest));
      default -> throw new IOException("Redis answers: " + line);
    };
  }

  private String string(int length) throws IOException {
    if (length < 0) {
      return "";
    }
    byte[] bytes = in.readNBytes(length + 2);
    if (bytes.length < length + 2) {
      throw new EOFException("Redis hung up");
    }
    return new String(bytes, 0, length, StandardCharsets.US_ASCII);
  }

  private String line() throws IOException {
    StringBuilder line = new StringBuilder();
    for (int next = in.read(); next != '\n'; next = in.read()) {
      if (next < 0) {
        throw new EOFException("Redis hung up");
      }
      if (next != '\r') {
        line.append((char) next);
      }
    }
    return line.toString();
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
