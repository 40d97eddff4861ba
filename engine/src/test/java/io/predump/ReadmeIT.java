package io.predump;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.images.ImageChain;
import io.predump.images.PagesName;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Runs the README's commands as they stand there, with two things put in their place: {@code sudo},
 * since tests are root already, and the images directory. {@code ./build test} is what runs this
 * test, so it is the one command left out.
 */
final class ReadmeIT {
  private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();
  private static final String IMAGES = "/var/tmp/redis";

  @TempDir Path directory;

  @Test
  void everyCommandOfTheReadmeWorks() throws Exception {
    List<String> commands = commands();
    assertThat(commands).anyMatch(c -> c.startsWith("./predump demo"));
    assertThat(commands).anyMatch(c -> c.startsWith("./predump run"));
    assertThat(commands).anyMatch(c -> c.startsWith("zstd -dc"));
    try (LiveTarget redis =
        LiveTarget.start(
            List.of(
                "redis-server",
                "--port",
                "0",
                "--unixsocket",
                directory.resolve("redis.sock").toString(),
                "--save",
                "",
                "--dir",
                directory.toString()))) {
      for (String command : commands) {
        String output = run(command.replace("$(pidof redis-server)", "" + redis.pid().number()));
        if (command.startsWith("zstd -dc")) {
          assertThat(Long.parseLong(output.trim())).isEqualTo(4096 * firstRoundPages());
        }
      }
    }
  }

  @Test
  void theBenchmarkOfTheReadmeWorks() throws Exception {
    assertThat(Files.readString(ROOT.resolve("README.md"))).contains("`sudo ./build bench`");
    Path json = directory.resolve("bench.json");
    String table = run("./build bench --mib 64 --repeat 1 --json " + json);
    assertThat(table).contains("first round, warm").contains("idle round").contains("injection");
    assertThat(Files.readString(json)).contains("\"ratio\"");
  }

  /** {@return the commands of the README's blocks and tables, without sudo and comments} */
  private static List<String> commands() throws IOException {
    List<String> commands = new ArrayList<>();
    boolean block = false;
    for (String line : Files.readAllLines(ROOT.resolve("README.md"))) {
      if (line.startsWith("```")) {
        block = !block;
      } else if (block && line.startsWith("sudo ")) {
        String command = line.substring("sudo ".length()).replaceAll(" +#.*", "");
        if (!command.startsWith("./build test")) {
          commands.add(command);
        }
      }
    }
    return commands;
  }

  private String run(String command) throws Exception {
    Path output = directory.resolve("output");
    Path errors = directory.resolve("errors");
    Process process =
        new ProcessBuilder(
                "bash", "-o", "pipefail", "-c", command.replace(IMAGES, directory + "/images"))
            .directory(ROOT.toFile())
            .redirectOutput(output.toFile())
            .redirectError(errors.toFile())
            .start();
    assertThat(process.waitFor(5, TimeUnit.MINUTES)).as("ends in time: %s", command).isTrue();
    assertThat(process.exitValue()).as("%s%n%s", command, Files.readString(errors)).isEqualTo(0);
    return Files.readString(output);
  }

  private long firstRoundPages() throws IOException {
    Path images = directory.resolve("images");
    try (ImageChain chain = ImageChain.open(images, 1)) {
      PagesName process = chain.names().get(0);
      return chain.pages(process).pageCount();
    }
  }
}
