package io.predump.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Runs other programs to their end. */
final class Commands {
  private static final long LOOK_MILLIS = 5;

  private Commands() {}

  /** How a command went; 0 MiB if nobody watched its memory. */
  record Run(double seconds, double peakRssMib, String output) {}

  /** Runs a command that must succeed. */
  static Run run(List<String> command) throws IOException {
    return run(command, false);
  }

  /**
   * The same, and watches its memory: VmHWM of /proc/PID/status is the most it ever had, so reading
   * it every 5 ms misses only what is added in the last 5 ms of its life. To look takes 3 % of a
   * core.
   */
  static Run watch(List<String> command) throws IOException {
    return run(command, true);
  }

  private static Run run(List<String> command, boolean watched) throws IOException {
    long began = System.nanoTime();
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    Path status = Path.of("/proc", Long.toString(process.pid()), "status");
    double peak = 0;
    try {
      while (watched && !process.waitFor(LOOK_MILLIS, TimeUnit.MILLISECONDS)) {
        peak = Math.max(peak, field(status, "VmHWM:") / 1024.0);
      }
      process.waitFor();
    } catch (InterruptedException e) {
      process.destroy();
      throw new IOException("interrupted", e);
    }
    double seconds = (System.nanoTime() - began) / 1e9;
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (process.exitValue() != 0) {
      throw new IOException(
          String.join(" ", command) + ": exit code " + process.exitValue() + "\n" + output);
    }
    return new Run(seconds, peak, output);
  }

  /** {@return the first number behind {@code name} in a file of /proc, 0 if it is not there} */
  static long field(Path file, String name) throws IOException {
    try {
      for (String line : Files.readAllLines(file)) {
        if (line.startsWith(name)) {
          return Long.parseLong(line.substring(name.length()).trim().split(" ", 2)[0]);
        }
      }
    } catch (NoSuchFileException e) {
      return 0;
    } catch (IOException e) {
      if (String.valueOf(e.getMessage()).contains("No such process")) {
        return 0;
      }
      throw e;
    }
    return 0;
  }

  /** {@return the pairs of a line of key=value} */
  static Map<String, String> pairs(String line) {
    Map<String, String> pairs = new HashMap<>();
    for (String word : line.trim().split("\\s+", -1)) {
      String[] pair = word.split("=", 2);
      if (pair.length == 2) {
        pairs.put(pair[0], pair[1]);
      }
    }
    return pairs;
  }
}
