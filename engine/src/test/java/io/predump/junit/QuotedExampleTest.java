package io.predump.junit;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The example in the module's README is a test that runs, word by word. */
final class QuotedExampleTest {
  @Test
  void theReadmeQuotesTheTest() throws IOException {
    String source =
        Files.readString(Path.of("src/test/java/io/predump/junit/RedisCheckpointIT.java"));
    String example = source.substring(source.indexOf("final class"));

    assertThat(Files.readString(Path.of("README.md"))).contains("```java\n" + example + "```\n");
  }
}
