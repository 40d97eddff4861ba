package io.predump.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToIntBiFunction;

/**
 * One run of the program in this JVM.
 *
 * @param exitCode what it returned
 * @param out its standard output
 * @param err its standard error
 */
record Invocation(int exitCode, String out, String err) {
  static Invocation of(String... args) {
    return captured((out, err) -> Main.run(args, out, err));
  }

  /** Runs {@code fail}, a command that ends with an error. */
  static Invocation failingWith(Error error, String... options) {
    List<String> args = new ArrayList<>(List.of("fail"));
    args.addAll(List.of(options));
    return captured(
        (out, err) -> {
          try (Interruption interruption = Interruption.begin()) {
            Terminal terminal = new Terminal(out, err, false, interruption);
            Command fail =
                new Command(terminal, "fail", "Fails.") {
                  @Override
                  public Integer call() {
                    throw error;
                  }
                };
            return Main.run(args.toArray(String[]::new), terminal, List.of(fail));
          }
        });
  }

  private static Invocation captured(ToIntBiFunction<PrintStream, PrintStream> program) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    int exitCode =
        program.applyAsInt(
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8));
    return new Invocation(
        exitCode, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }

  /** {@return every scalar of the one object on standard output, by its path} */
  Map<String, String> json() throws IOException {
    return scalars(out);
  }

  /** {@return every scalar of one object by its path, such as {@code rounds[0].pages.new}} */
  static Map<String, String> scalars(String text) throws IOException {
    Map<String, String> scalars = new LinkedHashMap<>();
    try (JsonParser parser = new JsonFactory().createParser(text)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw new IOException("not an object: " + text);
      }
      read(parser, "", scalars);
      if (parser.nextToken() != null) {
        throw new IOException("more than one object: " + text);
      }
    }
    return scalars;
  }

  private static void read(JsonParser parser, String path, Map<String, String> scalars)
      throws IOException {
    if (parser.currentToken() == JsonToken.START_OBJECT) {
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        String name = parser.currentName();
        parser.nextToken();
        read(parser, path.isEmpty() ? name : path + "." + name, scalars);
      }
    } else if (parser.currentToken() == JsonToken.START_ARRAY) {
      int index = 0;
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        read(parser, path + "[" + index++ + "]", scalars);
      }
      scalars.put(path + ".length", Integer.toString(index));
    } else if (scalars.put(path, parser.getText()) != null) {
      throw new IOException("twice: " + path);
    }
  }
}
