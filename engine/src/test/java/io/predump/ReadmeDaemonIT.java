package io.predump;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.daemon.AttachRequest;
import io.predump.daemon.ControlClient;
import io.predump.daemon.FinishRequest;
import io.predump.engine.FinalMode;
import io.predump.engine.LoopListener;
import io.predump.engine.LoopOptions;
import io.predump.engine.RunResult;
import io.predump.engine.SessionOptions;
import io.predump.engine.Targets;
import io.predump.engine.VerifyResult;
import io.predump.linux.LibC;
import io.predump.linux.Pid;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Runs what the README says under "Use it from your daemon": the daemon's command in the
 * background, then the others in order, then its Java. Put in their place are {@code sudo}, the pid
 * of {@code pidof}, the directories, the port, and the socket.
 */
@Timeout(240)
final class ReadmeDaemonIT {
  private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();
  private static final String SECTION = "## Use it from your daemon";
  private static final int SIGTERM = 15;

  @TempDir Path directory;

  /** {@return the lines of that section, or all others} */
  static List<String> sections(boolean ofTheDaemon) throws IOException {
    List<String> lines = new ArrayList<>();
    boolean inside = false;
    for (String line : Files.readAllLines(ROOT.resolve("README.md"))) {
      if (line.startsWith("## ")) {
        inside = line.equals(SECTION);
      }
      if (inside == ofTheDaemon) {
        lines.add(line);
      }
    }
    return lines;
  }

  private static List<String> commands() throws IOException {
    return sections(true).stream()
        .filter(line -> line.startsWith("sudo ./predump "))
        .map(line -> line.substring("sudo ".length()))
        .toList();
  }

  @Test
  void everyCommandOfTheSectionWorks() throws Exception {
    List<String> commands = commands();
    assertThat(commands.get(0)).startsWith("./predump daemon ");
    assertThat(commands).hasSizeGreaterThan(5);
    String redisSocket = directory.resolve("redis.sock").toString();
    try (LiveTarget redis =
        LiveTarget.start(
            List.of(
                "redis-server",
                "--port",
                "0",
                "--unixsocket",
                redisSocket,
                "--save",
                "",
                "--dir",
                directory.toString()))) {
      Targets.await("redis", () -> Files.exists(Path.of(redisSocket)));
      Process daemon = start(commands.get(0), redis);
      try {
        Targets.await("the daemon listens", () -> !daemon.isAlive() || Files.exists(socket()));
        for (String command : commands.subList(1, commands.size())) {
          Process process = start(command, redis);
          assertThat(process.waitFor(2, TimeUnit.MINUTES)).as(command).isTrue();
          assertThat(process.exitValue()).as("%s%n%s", command, output()).isZero();
        }
        assertThat(output()).contains(", 0 different");
        RunResult result = dump(socket(), redis.pid(), directory.resolve("by-socket"));
        assertThat(result.verify()).map(VerifyResult::different).hasValue(0L);
      } finally {
        LibC.kill((int) daemon.pid(), SIGTERM);
        assertThat(daemon.waitFor(20, TimeUnit.SECONDS)).isTrue();
      }
      assertThat(daemon.exitValue()).as("ended by SIGTERM in good order").isEqualTo(143);
    }
  }

  private Path socket() {
    return directory.resolve("predump.sock");
  }

  private String output() throws IOException {
    return Files.readString(directory.resolve("output"));
  }

  private Process start(String command, LiveTarget redis) throws IOException {
    String here =
        command
                .replace("$(pidof redis-server)", redis.pid().toString())
                .replace("/var/tmp/", directory + "/")
                .replace("/var/lib/", directory + "/")
                .replace("127.0.0.1:9464", "127.0.0.1:0")
            + " --socket "
            + socket();
    boolean daemon = command.startsWith("./predump daemon");
    return new ProcessBuilder("bash", "-c", "exec " + here)
        .directory(ROOT.toFile())
        .redirectErrorStream(true)
        .redirectOutput(directory.resolve(daemon ? "daemon" : "output").toFile())
        .start();
  }

  /** As the README shows it, but for the socket. */
  private static RunResult dump(Path socket, Pid pid, Path images) throws IOException {
    try (ControlClient daemon = ControlClient.connect(socket, "my program")) {
      SessionOptions options = SessionOptions.defaults("my program");
      String session = daemon.attach(AttachRequest.of(pid, images, options)).id();
      LoopOptions rounds =
          new LoopOptions(4, Duration.ofMillis(5), Optional.empty(), FinalMode.NONE, false);
      daemon.rounds(session, rounds, LoopListener.SILENT);
      FinishRequest end = FinishRequest.of(FinalMode.FREEZE, true);
      return daemon.finish(session, end, LoopListener.SILENT).result();
    }
  }

  @Test
  void theJavaOfTheSectionIsThatOfThisTest() throws IOException {
    List<String> section = sections(true);
    int from = section.indexOf("```java") + 1;
    List<String> rest = section.subList(from, section.size());
    List<String> quoted = rest.subList(0, rest.indexOf("```"));
    assertThat(quoted).hasSizeGreaterThan(5);
    String source =
        Files.readString(Path.of("src/test/java/io/predump/ReadmeDaemonIT.java"))
            .replace("connect(socket, ", "connect(Path.of(\"/run/predump.sock\"), ");
    assertThat(source).contains(String.join("\n", quoted).indent(4).stripTrailing());
  }
}
