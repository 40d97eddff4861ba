package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.predump.cli.Main;
import io.predump.linux.LibC;
import io.predump.linux.Pid;
import io.predump.linux.proc.OpenFile;
import io.predump.linux.testkit.LiveTarget;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code predump probe}: it sees what is written, says so with the window, and leaves no trace. */
final class ProbeIT {
  private static final long MIB = 1 << 20;
  private static final SessionOptions SESSION = SessionOptions.defaults("test");
  private static final ProbeOptions SHORT =
      new ProbeOptions(Duration.ofMillis(1400), LoopOptions.DEFAULT, OptionalLong.empty());

  @TempDir Path directory;

  private static ProbeResult probe(Pid pid) throws IOException {
    try (WriteProbe probe = PreDumpSession.probe(pid, SESSION, SHORT)) {
      return probe.watch();
    }
  }

  @Test
  void seesTheHotSetAndTheDriftOfAWriter() throws IOException {
    // 32 MiB hot, all of it within some 100 ms; 20 MiB/s of others
    try (LiveTarget target = Targets.ready("paced", 256, 32, 80_000, 5_000)) {
      ProbeResult seen = probe(target.pid());

      assertThat(seen.ended()).isEmpty();
      assertThat(seen.windows()).hasSize(3);
      assertThat(seen.memoryBytes()).isBetween(256 * MIB, 260 * MIB);
      assertThat(seen.curve().bytesWithin(1) / MIB).isBetween(45.0, 56.0);
      assertThat(seen.windows().get(2).writtenBytes())
          .isGreaterThan(seen.windows().get(0).writtenBytes());
      assertThat(seen.heat().get(0).writtenBytes()).isGreaterThan(40 * MIB);
      assertThat(seen.outlook().orElseThrow().readBytes()).isGreaterThan(256 * MIB);
      assertThat(target.isAlive()).isTrue();
    }
  }

  @Test
  void seesNothingOfATargetThatDoesNotWrite() throws IOException {
    try (LiveTarget target = Targets.ready("paced", 64, 0, 0, 0)) {
      ProbeResult seen = probe(target.pid());

      assertThat(seen.curve().bytesWithin(1)).isLessThan(0.2 * MIB);
      assertThat(seen.outlook().orElseThrow().reachesLimit()).isTrue();
    }
  }

  @Test
  void saysThatALimitCannotBeReachedAndWhatTheFloorIs() throws IOException {
    try (LiveTarget target = Targets.ready("paced", 256, 128, 400_000, 0)) {
      Output told = run("probe", "-t", target.pid(), "--downtime-limit", "1ms", "--duration", "2s");

      assertThat(told.exitCode).isZero();
      assertThat(told.out)
          .contains("cannot reach a freeze of 1.0 ms, floor is ")
          .contains("(assumed; --throughput tells better)")
          .contains("rate in it");
      Output possible =
          run("probe", "-t", target.pid(), "--downtime-limit", "2s", "--throughput", "1GiB/s");
      assertThat(possible.out)
          .as("control")
          .contains("a freeze of 2.0 s can be reached")
          .doesNotContain("assumed");
    }
  }

  @Test
  void watchesTheWholeTree() throws IOException {
    try (Ledger tree = Ledger.start("tree", 32)) {
      ProbeResult seen = probe(tree.live.pid());
      assertThat(seen.heat().stream().map(ProbeResult.VmaHeat::pid).distinct()).hasSize(2);

      ProbeResult alone;
      try (WriteProbe probe =
          PreDumpSession.probe(tree.live.pid(), SESSION.withSingle(true), SHORT)) {
        alone = probe.watch();
      }
      assertThat(alone.heat().stream().map(ProbeResult.VmaHeat::pid).distinct())
          .as("control")
          .hasSize(1);
      assertThat(tree.harm()).isEmpty();
    }
  }

  @Test
  void theTargetsEndEndsIt() throws Exception {
    LiveTarget target = Targets.ready("paced", 64, 16, 1000, 0);
    try (WriteProbe probe =
        PreDumpSession.probe(
            target.pid(),
            SESSION,
            new ProbeOptions(Duration.ofSeconds(60), LoopOptions.DEFAULT, OptionalLong.empty()))) {
      Thread killer =
          new Thread(
              () -> {
                LiveTarget.pause(700);
                LibC.kill(target.pid().number(), 9);
              });
      killer.start();
      ProbeResult seen = probe.watch();
      killer.join();

      assertThat(seen.ended()).contains(StopReason.TARGET_EXITED);
      assertThat(seen.windows()).isNotEmpty();
    } finally {
      target.close();
    }
  }

  @Test
  void aSignalEndsItSoonAndItLetsGo() throws Exception {
    try (LiveTarget target = Targets.ready("paced", 256, 32, 10_000, 100)) {
      for (int signal : new int[] {2, 15}) {
        Process probe =
            new ProcessBuilder(
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "-cp",
                    System.getProperty("java.class.path"),
                    Main.class.getName(),
                    "probe",
                    "-t",
                    target.pid().toString(),
                    "--duration",
                    "60s",
                    "--json")
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("output").toFile())
                .start();
        try {
          LiveTarget.pause(2500);
          long sent = System.nanoTime();
          LibC.kill((int) probe.pid(), signal);
          assertThat(probe.waitFor(30, TimeUnit.SECONDS)).isTrue();
          assertThat((System.nanoTime() - sent) / 1_000_000).isLessThan(4000);
          assertThat(probe.exitValue()).isEqualTo(128 + signal);
        } finally {
          probe.destroyForcibly().waitFor();
        }
        assertUntouched(target);
      }
    }
  }

  @Test
  void itWritesNothingAndLeavesNothingBehind() throws IOException {
    try (LiveTarget target = Targets.ready("paced", 64, 16, 10_000, 100)) {
      probe(target.pid());
      assertUntouched(target);
      assertThat(directory).isEmptyDirectory();
    }
  }

  @Test
  void comparingIsRefusedAndSoIsWhatIsNoTarget() throws IOException {
    try (LiveTarget target = Targets.ready("paced", 16, 0, 0, 0)) {
      assertThatThrownBy(
              () ->
                  PreDumpSession.probe(
                      target.pid(), SESSION.withTracker(TrackerChoice.COMPARE), SHORT))
          .isInstanceOf(TargetRefusedException.class)
          .hasMessage(
              "a probe only scans, and --tracker compare finds writes by reading all memory:"
                  + " nothing would be seen; take a run of a few rounds with --final none and read"
                  + " the dirty rates of its rounds (asked for)");
      Output refused = run("probe", "-t", target.pid(), "--tracker", "compare");
      assertThat(refused.exitCode).isEqualTo(4);
    }
    assertThat(run("probe", "-t", Pid.self()).exitCode).isEqualTo(2);
    assertThat(run("probe", "-t", 1, "--duration", "1ms").exitCode).isEqualTo(2);
  }

  private static void assertUntouched(LiveTarget target) throws IOException {
    assertThat(target.isAlive()).isTrue();
    assertThat(Targets.threadStates(target.pid())).doesNotContain("t", "T");
    assertThat(OpenFile.list(target.pid())).noneMatch(OpenFile::isUserfaultfd);
    assertThat(Files.readString(Path.of(target.pid().procPath("smaps"))))
        .as("no mapping is registered any more")
        .doesNotContain(" uw ");
    Targets.awaitProgress(target);
  }

  private record Output(int exitCode, String out, String err) {}

  private static Output run(Object... words) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    String[] args = new String[words.length];
    for (int i = 0; i < words.length; i++) {
      args[i] = String.format(Locale.ROOT, "%s", words[i]);
    }
    int exitCode =
        Main.run(
            args,
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8));
    return new Output(
        exitCode, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }
}
