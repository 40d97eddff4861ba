package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.cli.Main;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The memory the engine takes for a process that rewrites all of its own in every round. {@code
 * -Dpredump.boundedMib} is the size of that process, {@code -Dpredump.boundedRounds} the number of
 * live rounds. With 12 GiB the engine runs as the launcher runs it, with a heap of 192 MiB; with
 * less in a heap smaller in proportion, 48 MiB and 12 for each GiB.
 */
final class BoundedMemoryIT {
  private static final int TARGET_MIB = Integer.getInteger("predump.boundedMib", 1024);
  private static final String ROUNDS = System.getProperty("predump.boundedRounds", "3");

  /** What is read under the freeze waits in memory: {@link SessionOptions#freezeBufferBytes}. */
  private static final int FREEZE_BUFFER_MIB = 128;

  /** Classes, compiled code, the collector's tables, and the buffers of two workers. */
  private static final int JVM_MIB = 100;

  private static final int SIGUSR1 = 10;
  private static final Pattern COLLECTION = Pattern.compile(" (\\d+)M->(\\d+)M\\(\\d+M\\)");

  @TempDir Path directory;

  @Test
  void isBoundedHoweverMuchIsWrittenPerRound() throws Exception {
    try (LiveTarget target =
        LiveTarget.start(Targets.program("filler"), String.valueOf(TARGET_MIB), "100")) {
      awaitReady(target);
      Path collections = directory.resolve("gc.log");
      Process run = start(target, collections);
      long peakKib = 0;
      try {
        target.signal(SIGUSR1);
        int rewritten = 0;
        int lines = 1;
        while (!run.waitFor(50, TimeUnit.MILLISECONDS)) {
          peakKib = Math.max(peakKib, peakKib(run.pid()));
          int said = Files.readAllLines(target.output()).size();
          if (said > lines) {
            rewritten += said - lines;
            lines = said;
            target.signal(SIGUSR1);
          }
        }
        String output = Files.readString(directory.resolve("output"));
        assertThat(run.exitValue()).as(output).isZero();
        int heapMib = heapMib(collections);
        System.out.printf(
            "bounded memory: target=%d MiB, rewritten %d times, heap limit=%d MiB, largest heap=%d"
                + " MiB, peak RSS=%d MiB%n%s%n",
            TARGET_MIB, rewritten, heapLimitMib(), heapMib, peakKib >> 10, output);
        assertThat(heapMib).isLessThanOrEqualTo(heapLimitMib());
        assertThat(peakKib >> 10)
            .as("peak RSS, MiB")
            .isLessThanOrEqualTo(heapLimitMib() + FREEZE_BUFFER_MIB + JVM_MIB);
      } finally {
        run.destroyForcibly().waitFor();
      }
    }
  }

  /** Gigabytes take their time to be filled. */
  private static void awaitReady(LiveTarget target) throws IOException {
    while (Files.size(target.output()) == 0) {
      assertThat(target.isAlive()).isTrue();
      LiveTarget.pause(50);
    }
    assertThat(target.nextLine()).isEqualTo("ready");
  }

  private static int heapLimitMib() {
    return Math.min(192, 48 + 12 * TARGET_MIB / 1024);
  }

  private Process start(LiveTarget target, Path collections) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "@src/main/jvm/options",
                "-Xmx" + heapLimitMib() + "m",
                "-Xlog:gc:file=" + collections,
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName(),
                "run",
                "-t",
                target.pid().toString(),
                "-D",
                directory.resolve("images").toString(),
                "--rounds",
                ROUNDS,
                "--downtime-limit",
                "0ms"));
    if (TARGET_MIB <= 1024) {
      command.add("--verify");
    }
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(directory.resolve("output").toFile())
        .start();
  }

  /** {@return the most that was ever resident, 0 if the process has ended} */
  private static long peakKib(long pid) {
    try {
      return Targets.statusNumber(Path.of("/proc/" + pid + "/status"), "VmHWM");
    } catch (IOException e) {
      return 0;
    }
  }

  /** {@return the largest heap before any collection, MiB} */
  private static int heapMib(Path collections) throws IOException {
    int most = 0;
    for (String line : Files.readAllLines(collections)) {
      Matcher matcher = COLLECTION.matcher(line);
      if (matcher.find()) {
        most = Math.max(most, Integer.parseInt(matcher.group(1)));
      }
    }
    return most;
  }
}
