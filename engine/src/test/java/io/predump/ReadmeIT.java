package io.predump;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.criu.CriuProgram;
import io.predump.criu.StockCriu;
import io.predump.images.ImageChain;
import io.predump.images.PagesName;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Runs the README's commands: those of its blocks, those of its tables, and of the latter each with
 * each option that its row names. Put in their place are {@code sudo}, since tests are root
 * already, the pid of {@code pidof}, and the images directory. Left out are the commands of a table
 * that ask for a PID or a DIR, which the blocks have with values, {@code ./build test}, which runs
 * this test, and runc's, which {@code RuncIT} runs. The benchmark runs smaller than the README
 * says. What needs a daemon is {@link ReadmeDaemonIT}'s.
 */
final class ReadmeIT {
  private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();
  private static final String IMAGES = "/var/tmp/redis";
  private static final Pattern ROW = Pattern.compile("\\| `sudo ([^`]+)` \\|(.*)");
  private static final Pattern PLACEHOLDER = Pattern.compile("\\b(PID|DIR)\\b");
  private static final Pattern OPTION = Pattern.compile("`(--[a-z-]+)`");

  @TempDir Path directory;

  @Test
  void everyCommandOfTheReadmeWorks() throws Exception {
    List<String> commands = commands();
    assertThat(commands).contains("./predump demo", "./predump check", "./predump demo --redis");
    assertThat(commands).noneMatch(c -> c.contains("PID") || c.contains(" DIR"));
    assertThat(commands).anyMatch(c -> c.startsWith("./predump run"));
    assertThat(commands).anyMatch(c -> c.startsWith("zstd -dc"));
    try (LiveTarget redis =
        LiveTarget.start(
            List.of(
                "setsid",
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
        if (command.startsWith("./predump restore")) {
          awaitItsPid(redis);
        }
        String output = run(command.replace("$(pidof redis-server)", "" + redis.pid().number()));
        if (command.startsWith("zstd -dc")) {
          assertThat(Long.parseLong(output.trim())).isEqualTo(4096 * firstRoundPages());
        }
      }
    }
  }

  /** A restored process takes its old pid, which is free once its parent has noticed its end. */
  private static void awaitItsPid(LiveTarget ended) throws InterruptedException {
    Path process = Path.of(ended.pid().procPath(""));
    for (int i = 0; i < 1000 && Files.exists(process); i++) {
      Thread.sleep(10);
    }
    assertThat(process).as("gone").doesNotExist();
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
    Set<String> commands = new LinkedHashSet<>();
    boolean block = false;
    for (String line : ReadmeDaemonIT.sections(false)) {
      if (line.startsWith("```")) {
        block = !block;
      } else if (block && line.startsWith("sudo ")) {
        String command = line.substring("sudo ".length()).replaceAll(" +#.*", "");
        if (!command.startsWith("./build test") && !command.startsWith("runc ")) {
          commands.add(command);
        }
      } else if (!block) {
        commands.addAll(commandsOfRow(line));
      }
    }
    return List.copyOf(commands);
  }

  /** {@return a row's command alone and with each of its options; nothing if it needs a value} */
  private static List<String> commandsOfRow(String line) {
    Matcher row = ROW.matcher(line);
    if (!row.matches() || PLACEHOLDER.matcher(row.group(1)).find()) {
      return List.of();
    }
    List<String> commands = new ArrayList<>();
    commands.add(row.group(1));
    Matcher option = OPTION.matcher(row.group(2));
    while (option.find()) {
      commands.add(row.group(1) + " " + option.group(1));
    }
    return commands;
  }

  private String run(String command) throws Exception {
    Path output = directory.resolve("output");
    Path errors = directory.resolve("errors");
    ProcessBuilder builder =
        new ProcessBuilder(
                "bash", "-o", "pipefail", "-c", command.replace(IMAGES, directory + "/images"))
            .directory(ROOT.toFile())
            .redirectOutput(output.toFile())
            .redirectError(errors.toFile());
    builder.environment().put(CriuProgram.VARIABLE, StockCriu.program().path().toString());
    Process process = builder.start();
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
