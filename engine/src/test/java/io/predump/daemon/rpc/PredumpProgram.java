package io.predump.daemon.rpc;

import io.predump.criu.StockCriu;
import io.predump.linux.LibC;
import io.predump.linux.testkit.LiveTarget;
import io.predump.linux.testkit.Slowness;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Arrays;
import java.util.stream.Collectors;

/**
 * A script that is {@code predump} of the classes under test, run by others; the last process it
 * became is ended when this is closed.
 */
record PredumpProgram(Path script, Path pidFile) implements AutoCloseable {
  private static final Duration PATIENCE = Slowness.times(Duration.ofSeconds(30));
  private static final int SIGTERM = 15;
  private static final int SIGKILL = 9;

  /**
   * Writes one.
   *
   * @param arguments those of the program, in the words of the shell, such as {@code "$@"}
   */
  static PredumpProgram write(Path script, String arguments) throws IOException {
    Path pidFile = script.resolveSibling(script.getFileName() + ".pid");
    String text =
        String.format(
            """
            #!/bin/sh
            echo $$ >'%s'
            PREDUMP_CRIU='%s' exec java -cp '%s' io.predump.cli.Main %s
            """,
            pidFile, StockCriu.program().path(), classPath(), arguments);
    return new PredumpProgram(shell(script, text), pidFile);
  }

  /** Wherever it is run from. */
  private static String classPath() {
    return Arrays.stream(System.getProperty("java.class.path").split(":", -1))
        .map(entry -> Path.of(entry).toAbsolutePath().toString())
        .collect(Collectors.joining(":"));
  }

  /** Writes a program for the shell. */
  static Path shell(Path script, String text) throws IOException {
    Files.writeString(script, text);
    return Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwx------"));
  }

  private int pid() throws IOException {
    return Integer.parseInt(Files.readString(pidFile).strip());
  }

  /** {@return whether it was ever started} */
  boolean wasStarted() {
    return Files.exists(pidFile);
  }

  boolean isAlive() throws IOException {
    return wasStarted() && Files.exists(Path.of("/proc/" + pid() + "/exe"));
  }

  void kill() throws IOException {
    LibC.kill(pid(), SIGKILL);
    awaitEnd();
  }

  void awaitEnd() throws IOException {
    long start = System.nanoTime();
    while (isAlive()) {
      if (System.nanoTime() - start > PATIENCE.toNanos()) {
        throw new IOException("does not end: pid " + pid());
      }
      LiveTarget.pause(20);
    }
  }

  @Override
  public void close() throws IOException {
    if (isAlive()) {
      LibC.kill(pid(), SIGTERM);
      awaitEnd();
    }
  }
}
