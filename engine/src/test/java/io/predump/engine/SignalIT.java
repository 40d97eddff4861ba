package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.cli.Main;
import io.predump.images.ChainVerifier;
import io.predump.linux.LibC;
import io.predump.linux.Pid;
import io.predump.linux.proc.OpenFile;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.testkit.LiveTarget;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code predump run} sent SIGINT or SIGTERM at random instants: while it attaches, in the first
 * round of a large process, under the freeze, while it compares. {@code -Dpredump.signalMib} is the
 * size of the large process.
 */
final class SignalIT {
  private static final int SIGINT = 2;
  private static final int SIGTERM = 15;
  private static final int LARGE_MIB = Integer.getInteger("predump.signalMib", 3072);
  private static final long SEED = Long.getLong("predump.signalSeed", System.nanoTime());

  @TempDir Path directory;

  @Test
  void aRunOfALargeProcessEndsSoonAndLetsGo() throws Exception {
    try (LiveTarget target = Targets.ready("filler", LARGE_MIB, 1)) {
      signalled(target, 8, "--rounds", "1", "--verify");
    }
  }

  @Test
  void aRunOfASmallProcessEndsSoonAndLetsGo() throws Exception {
    try (Ledger target = Ledger.start("tree", 32)) {
      signalled(target.live, 12, "--rounds", "8", "--downtime-limit", "0ms", "--verify");
      assertThat(target.harm()).isEmpty();
    }
  }

  private void signalled(LiveTarget target, int signals, String... options) throws Exception {
    long began = System.nanoTime();
    Process whole = start(target.pid(), options);
    assertThat(whole.waitFor()).isEqualTo(0);
    long millis = (System.nanoTime() - began) / 1_000_000;
    delete();
    System.out.printf("signals: seed=%d, a whole run takes %d ms%n", SEED, millis);
    Random random = new Random(SEED);
    List<Long> times = new ArrayList<>();
    int early = 0;
    for (int i = 0; i < signals; i++) {
      long delay = (long) ((i + random.nextDouble()) * millis / signals);
      Process run = start(target.pid(), options);
      try {
        LiveTarget.pause(delay);
        int signal = i % 2 == 0 ? SIGINT : SIGTERM;
        long sent = System.nanoTime();
        LibC.kill((int) run.pid(), signal);
        assertThat(run.waitFor(30, TimeUnit.SECONDS)).as("ends, seed=%d", SEED).isTrue();
        if (run.exitValue() == 0) {
          early++; // it was done already
        } else {
          times.add((System.nanoTime() - sent) / 1_000_000);
          assertThat(run.exitValue()).as(output()).isEqualTo(128 + signal);
        }
      } finally {
        run.destroyForcibly().waitFor();
      }
      assertUnharmed(target.pid());
      delete();
    }
    Collections.sort(times);
    System.out.printf(
        "signals: %d MiB, ended before %d, ms to end %s%n", mebibytes(target), early, times);
    assertThat(times).hasSizeGreaterThanOrEqualTo(signals / 2);
    assertThat(times.get(times.size() / 2)).as("the median, ms").isLessThan(2000);
    assertThat(times.get(times.size() - 1)).as("the longest, on a busy machine").isLessThan(6000);
  }

  private static long mebibytes(LiveTarget target) throws Exception {
    return ProcStatus.read(target.pid()).residentBytes() >> 20;
  }

  private Path images() {
    return directory.resolve("images");
  }

  private String output() throws Exception {
    return Files.readString(directory.resolve("output"));
  }

  private Process start(Pid pid, String... options) throws Exception {
    List<String> command =
        new ArrayList<>(
            List.of(
                // Whoever runs the tests in the background may have SIGINT ignored.
                "env",
                "--default-signal=INT,TERM",
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "@src/main/jvm/options",
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName(),
                "run",
                "-t",
                pid.toString(),
                "-D",
                images().toString()));
    command.addAll(List.of(options));
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(directory.resolve("output").toFile())
        .start();
  }

  /** The target runs on, untraced; what is committed is good; what is not can be swept. */
  private void assertUnharmed(Pid pid) throws Exception {
    assertThat(ProcStatus.read(pid).tracerPid()).isZero();
    assertThat(Targets.threadStates(pid)).doesNotContain("t", "T");
    assertThat(OpenFile.list(pid)).noneMatch(OpenFile::isUserfaultfd);
    if (Files.exists(images())) {
      boolean rounds = Targets.names(images()).stream().anyMatch(name -> name.matches("\\d+"));
      if (rounds) {
        assertThat(new ChainVerifier(2).verify(images()).problems()).isEmpty();
      }
    }
  }

  private void delete() throws Exception {
    if (Files.exists(images())) {
      try (var files = Files.walk(images())) {
        for (Path file : files.sorted(Collections.reverseOrder()).toList()) {
          Files.delete(file);
        }
      }
    }
  }
}
