package io.predump.engine;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;

/** A client of a server on the loopback device that speaks HTTP. */
final class SoakHttp {
  private static final Duration TIMEOUT = Duration.ofSeconds(20);

  private final HttpClient client = HttpClient.newHttpClient();
  private final int port;

  SoakHttp(int port) {
    this.port = port;
  }

  /** {@return the body of the page at a path} */
  String get(String path) throws IOException {
    return send(request(path).GET().build());
  }

  /** {@return the body of the answer to a text} */
  String post(String path, String text) throws IOException {
    return send(request(path).POST(HttpRequest.BodyPublishers.ofString(text)).build());
  }

  private HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path)).timeout(TIMEOUT);
  }

  private String send(HttpRequest request) throws IOException {
    try {
      HttpResponse<String> response = client.send(request, HttpResponse.BodyHandlers.ofString());
      if (response.statusCode() != 200) {
        throw new IOException(request + ": status " + response.statusCode());
      }
      return response.body();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
  }
}
