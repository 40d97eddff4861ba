package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Hole 3: a read with O_DIRECT that is in flight while a scan protects its pages fills them unseen.
 * What is listed while such reads are possible is a debt, read once more. The read is kept in
 * flight by throttling its device.
 */
final class H03DirectIoIT {
  private static final int PAGES = 512;
  private static final Path THROTTLE =
      Path.of("/sys/fs/cgroup/blkio/predump-h03-" + ProcessHandle.current().pid());

  @TempDir Path directory;

  private Path file = Path.of("unset");

  @BeforeEach
  void writeAFileOnADisk() throws IOException {
    assumeTrue(
        Files.exists(THROTTLE.resolveSibling("blkio.throttle.read_bps_device")),
        "a cgroup v1 that throttles disks, to keep a read in flight");
    byte[] content = new byte[PAGES * PageTable.PAGE_BYTES];
    new Random(3).nextBytes(content);
    file =
        Files.write(
            Files.createTempFile(Path.of("").toAbsolutePath(), "predump-h03-", ""), content);
    new ProcessBuilder("sync", file.toString()).start().onExit().join();
    Files.createDirectory(THROTTLE);
    // 2 MiB in about 2 s
    long device = (Long) Files.getAttribute(file, "unix:dev");
    Files.writeString(
        THROTTLE.resolve("blkio.throttle.read_bps_device"),
        (device >> 8) + ":" + (device & 255) + " " + (1 << 20));
  }

  @AfterEach
  void removeIt() throws IOException {
    Files.deleteIfExists(file);
    if (!Files.exists(THROTTLE)) {
      return;
    }
    Targets.await(
        "the throttled cgroup is empty",
        () -> {
          try {
            return Files.deleteIfExists(THROTTLE);
          } catch (IOException e) {
            return false;
          }
        });
  }

  @Test
  void whatADeviceWritesAfterTheScanIsReadOnceMore() throws IOException {
    assertThat(differentAfterAReadInFlight(TestHooks.NONE, "guarded")).isZero();
    assertThat(differentAfterAReadInFlight(TestHooks.without(Protection.DIRECT_IO_DEBT), "bare"))
        .as("control")
        .isGreaterThan(PAGES / 4);
  }

  private long differentAfterAReadInFlight(TestHooks hooks, String images) throws IOException {
    try (Script script = Script.start()) {
      script.map("a", "anon", PAGES);
      script.tell("fill a 1");
      Files.writeString(THROTTLE.resolve("cgroup.procs"), String.valueOf(script.pid().number()));
      script.tell("direct a " + file);
      LiveTarget.pause(200);
      try (PreDumpSession session = script.attach(directory.resolve(images), hooks)) {
        session.round().orElseThrow();
        assertThat(session.warnings()).anyMatch(warning -> warning.contains("O_DIRECT"));
        script.tell("wait");
        session.round().orElseThrow();
        return Script.different(session);
      }
    } finally {
      try (var lines = Files.lines(THROTTLE.resolve("cgroup.procs"))) {
        lines.forEach(H03DirectIoIT::moveToTheRoot);
      } catch (UncheckedIOException e) {
        // ended meanwhile
      }
    }
  }

  private static void moveToTheRoot(String pid) {
    try {
      Files.writeString(THROTTLE.resolveSibling("cgroup.procs"), pid);
    } catch (IOException e) {
      // ended meanwhile
    }
  }
}
