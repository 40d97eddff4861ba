package io.predump.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The daemon's log is for programs: every line says which event it is, and names its values. */
final class LogLinesTest {
  private static final Pattern LINE = Pattern.compile("LOG\\.[a-z]+\\(\\s*([^;]*);");
  private static final Pattern EVENT =
      Pattern.compile(
          "\"event=[a-z-]+( [a-zA-Z_]+=(\\{}|\\\\\"\\{}\\\\\"))*[ \"].*", Pattern.DOTALL);

  @Test
  void everyLineIsAnEventWithNamedValues() throws IOException {
    List<String> lines = new ArrayList<>();
    try (Stream<Path> sources = Files.walk(Path.of("src/main/java/io/predump/daemon"))) {
      for (Path source : (Iterable<Path>) sources.filter(Files::isRegularFile)::iterator) {
        Matcher matcher = LINE.matcher(Files.readString(source));
        while (matcher.find()) {
          lines.add(matcher.group(1));
        }
      }
    }

    assertThat(lines).hasSizeGreaterThan(15).allMatch(line -> EVENT.matcher(line).matches());
  }

  @Test
  void textOfStrangersStaysOneValue() {
    assertThat(Quoted.of("no\nevent=ended \"x\"")).isEqualTo("\"no?event=ended \\\"x\\\"\"");
  }
}
