package io.predump;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import java.util.jar.JarFile;
import java.util.zip.ZipEntry;
import org.junit.jupiter.api.Test;

/** What is in the jar that users get. */
final class PackagedJarIT {
  @Test
  void theJarHasTheExtensionAndNoJUnit() throws IOException {
    try (JarFile jar = new JarFile("target/predump.jar")) {
      List<String> names = jar.stream().map(ZipEntry::getName).toList();

      assertThat(names).contains("io/predump/junit/CheckpointTarget.class");
      assertThat(names).noneMatch(name -> name.startsWith("org/junit"));
      assertThat(names).noneMatch(name -> name.startsWith("org/opentest4j"));
      assertThat(names).as("the control: other libraries are").anyMatch(n -> n.contains("picocli"));
    }
  }
}
