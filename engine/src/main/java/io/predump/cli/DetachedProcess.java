package io.predump.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;

/**
 * A process of ours that is not our child: its parent is a shell that waits for it, and ends it
 * when we are gone. Owned by who started it; {@link #close} ends it. A {@link ProcessHandle}
 * compares the start time before it sends a signal, so a pid used again is never hit.
 */
final class DetachedProcess implements AutoCloseable {
  /**
   * $0 is our pid, the rest is the command. The outer shell ends when it has told the pid, not
   * before: with it ends the stream we read.
   */
  private static final String SCRIPT =
      """
      owner=$0
      pid=$(
        (
          "$@" </dev/null >"$PREDUMP_LOG" 2>&1 &
          pid=$!
          echo $pid
          exec >/dev/null
          ( while kill -0 $owner; do sleep 0.5; done; kill -9 $pid ) &
          wait $pid
          kill $!
        ) 2>/dev/null &
      )
      echo $pid
      """;

  private static final long END_SECONDS = 5;

  private final ProcessHandle handle;
  private final Path log;

  private DetachedProcess(ProcessHandle handle, Path log) {
    this.handle = handle;
    this.log = log;
  }

  /**
   * Starts a command.
   *
   * @param log takes what it prints
   * @throws IOException if it ended at once; says what it printed
   */
  static DetachedProcess start(Path log, List<String> command) throws IOException {
    List<String> shell = new ArrayList<>(List.of("/bin/sh", "-c", SCRIPT));
    shell.add(Long.toString(ProcessHandle.current().pid()));
    shell.addAll(command);
    ProcessBuilder builder = new ProcessBuilder(shell);
    builder.environment().put("PREDUMP_LOG", log.toString());
    Process process = builder.start();
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.US_ASCII))) {
      String pid = lines.readLine();
      if (pid == null) {
        throw new IOException(command.get(0) + ": not started");
      }
      ProcessHandle handle =
          ProcessHandle.of(Long.parseLong(pid))
              .orElseThrow(() -> new IOException(command.get(0) + ": ended at once: " + tail(log)));
      return new DetachedProcess(handle, log);
    }
  }

  int pid() {
    return Math.toIntExact(handle.pid());
  }

  /**
   * Checks that it still runs.
   *
   * @throws IOException if it ended; says what it printed last
   */
  void requireAlive(String name) throws IOException {
    if (!handle.isAlive()) {
      throw new IOException(name + ": ended: " + tail(log));
    }
  }

  /** Waits until it ends by itself; false if it takes longer. */
  boolean awaitEnd(long seconds) throws InterruptedException {
    try {
      handle.onExit().get(seconds, TimeUnit.SECONDS);
      return true;
    } catch (TimeoutException e) {
      return false;
    } catch (ExecutionException e) {
      throw new IllegalStateException(e.getCause());
    }
  }

  private static String tail(Path log) {
    try (Stream<String> lines = Files.lines(log, StandardCharsets.ISO_8859_1)) {
      return lines.filter(l -> !l.isBlank()).reduce((a, b) -> b).orElse("it printed nothing");
    } catch (IOException e) {
      return "it printed nothing";
    }
  }

  @Override
  public void close() {
    handle.destroy();
    try {
      if (!awaitEnd(END_SECONDS)) {
        handle.destroyForcibly();
        awaitEnd(END_SECONDS);
      }
    } catch (InterruptedException e) {
      handle.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
