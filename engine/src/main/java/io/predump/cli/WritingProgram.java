package io.predump.cli;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A {@link DemoTarget} in a JVM of its own. */
final class WritingProgram implements DemoProgram {
  private static final long READY_MILLIS = 60_000;
  private static final long POLL_MILLIS = 20;

  private final DetachedProcess process;

  private WritingProgram(DetachedProcess process) {
    this.process = process;
  }

  static DemoProgram start(Path dir) throws IOException, InterruptedException {
    Path ready = dir.resolve("ready");
    DetachedProcess process =
        DetachedProcess.start(
            dir.resolve("target.log"),
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx48m",
                "-XX:MaxDirectMemorySize=300m",
                "-XX:+UseSerialGC",
                "-XX:-UsePerfData",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                ownCode(),
                DemoTarget.class.getName(),
                ready.toString()));
    WritingProgram program = new WritingProgram(process);
    try {
      long deadline = System.nanoTime() + READY_MILLIS * 1_000_000;
      while (!Files.exists(ready)) {
        process.requireAlive("demo target");
        if (System.nanoTime() > deadline) {
          throw new IOException("demo target: not ready after " + READY_MILLIS / 1000 + " s");
        }
        Thread.sleep(POLL_MILLIS);
      }
      return program;
    } catch (IOException | InterruptedException | RuntimeException e) {
      program.close();
      throw e;
    }
  }

  private static String ownCode() throws IOException {
    try {
      return Path.of(DemoTarget.class.getProtectionDomain().getCodeSource().getLocation().toURI())
          .toString();
    } catch (URISyntaxException e) {
      throw new IOException("demo target: where is our jar", e);
    }
  }

  @Override
  public String description() {
    return "a JVM with 256 MiB of text, random and zero pages, rewriting some all the time";
  }

  @Override
  public int pid() {
    return process.pid();
  }

  @Override
  public String checkAlive() throws IOException {
    process.requireAlive("demo target");
    return "the target still runs";
  }

  @Override
  public void close() {
    process.close();
  }
}
