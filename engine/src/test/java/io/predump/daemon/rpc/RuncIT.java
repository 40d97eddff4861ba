package io.predump.daemon.rpc;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.criu.StockCriu;
import io.predump.daemon.rpc.RuncContainer.Ended;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** runc, unchanged, with the program that stands in for criu. */
@Timeout(300)
final class RuncIT {
  private static final Path LAUNCHER = Path.of("target/launcher/criu").toAbsolutePath();

  @TempDir Path directory;

  private RuncContainer container(Path socket, String how) throws IOException {
    return RuncContainer.start(
        directory,
        Map.of(
            "PREDUMP_CRIU", StockCriu.program().path().toString(),
            "PREDUMP_CRIU_SOCKET", socket.toString()),
        32,
        how);
  }

  private Ended checkpoint(RuncContainer container, Path criu, String name, String... more)
      throws IOException {
    List<String> command = new ArrayList<>(List.of("checkpoint"));
    command.addAll(List.of("--image-path", directory.resolve(name).toString()));
    command.addAll(List.of("--work-path", directory.resolve(name + "-work").toString()));
    command.addAll(List.of(more));
    return container.runcWith(criu, command);
  }

  private String log(String name) throws IOException {
    Path log = directory.resolve(name + "-work/dump.log");
    return Files.exists(log) ? Files.readString(log) : "no log";
  }

  private void assertWell(Ended ended, String name) throws IOException {
    assertThat(ended.exitCode()).as("%s%n%s", ended.log(), log(name)).isZero();
  }

  @Test
  void preDumpsACheckpointAndARestore() throws IOException {
    try (ServedHere rpc = ServedHere.start(directory, StockCriu.program().path());
        RuncContainer container = container(rpc.socket(), "")) {
      assertThat(checkpoint(container, StockCriu.program().path(), "0", "--pre-dump").log())
          .as("the control: stock criu on this kernel")
          .contains("CRIU is missing features");

      assertWell(checkpoint(container, LAUNCHER, "1", "--pre-dump"), "1");
      assertWell(checkpoint(container, LAUNCHER, "2", "--pre-dump", "--parent-path", "../1"), "2");
      assertThat(container.check()).isEqualTo("right");
      long writes = container.writes();
      assertWell(checkpoint(container, LAUNCHER, "3", "--parent-path", "../2"), "3");
      assertThat(container.state()).as("runc has let it go").doesNotExist();

      Ended restore =
          container.runcWith(
              LAUNCHER,
              List.of(
                  "restore",
                  "-d",
                  "--bundle",
                  container.bundle().toString(),
                  "--image-path",
                  directory.resolve("3").toString(),
                  "--work-path",
                  directory.resolve("restore-work").toString()));
      assertThat(restore.exitCode()).as(restore.log()).isZero();
      assertThat(container.check()).isEqualTo("right");
      assertThat(container.writes()).isGreaterThan(writes);
    }
  }

  @Test
  void theCommandsOfTheReadmeWork() throws IOException {
    List<String> commands =
        Files.readAllLines(Path.of("../README.md")).stream()
            .filter(line -> line.startsWith("sudo runc "))
            .toList();
    assertThat(commands).hasSize(4);
    try (ServedHere rpc = ServedHere.start(directory, StockCriu.program().path());
        RuncContainer container = container(rpc.socket(), "quiet")) {
      for (String command : commands) {
        Ended ended =
            container.shell(
                command
                    .replaceFirst("^sudo ", "")
                    .replace("/var/tmp/", directory + "/")
                    .replace("/srv/box", container.bundle().toString()));
        assertThat(ended.exitCode()).as("%s%n%s", command, ended.log()).isZero();
      }
      assertThat(Files.readSymbolicLink(directory.resolve("box-3/parent"))).hasToString("../box-2");
      assertThat(container.check()).isEqualTo("right");
    }
  }
}
