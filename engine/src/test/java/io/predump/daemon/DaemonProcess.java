package io.predump.daemon;

import io.predump.cli.Main;
import io.predump.engine.Targets;
import io.predump.linux.LibC;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** {@code predump daemon} as a process of its own, and the commands that ask it. */
final class DaemonProcess implements AutoCloseable {
  private static final int SIGTERM = 15;

  final Path socket;
  private final Path log;
  private final Path out;
  private final Process process;

  private DaemonProcess(Path socket, Path log, Path out, Process process) {
    this.socket = socket;
    this.log = log;
    this.out = out;
    this.process = process;
  }

  /** What a command did. */
  record Answer(int exitCode, String out, String err) {}

  static DaemonProcess start(Path directory, String... options) throws IOException {
    return start(directory, Map.of(), options);
  }

  /** Starts it as users do, in a JVM with the options of the program, and waits for its socket. */
  static DaemonProcess start(Path directory, Map<String, String> environment, String... options)
      throws IOException {
    Path socket = directory.resolve("d.sock");
    Path log = Files.createTempFile(directory, "daemon", ".log");
    Path out = Files.createTempFile(directory, "daemon", ".out");
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "@" + Path.of("src/main/jvm/options").toAbsolutePath(),
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName(),
                "daemon",
                "--socket",
                socket.toString()));
    command.addAll(List.of(options));
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectError(log.toFile()).redirectOutput(out.toFile());
    builder.environment().putAll(environment);
    DaemonProcess daemon = new DaemonProcess(socket, log, out, builder.start());
    Targets.await(
        "the daemon listens",
        () -> !daemon.process.isAlive() || daemon.log().contains("event=started"));
    return daemon;
  }

  long pid() {
    return process.pid();
  }

  String log() throws IOException {
    return Files.readString(log);
  }

  String out() throws IOException {
    return Files.readString(out);
  }

  ControlClient client() throws IOException {
    return ControlClient.connect(socket, "test");
  }

  /** Runs a command of the program against it. */
  Answer ask(String... arguments) {
    List<String> command = new ArrayList<>(List.of(arguments));
    command.addAll(1, List.of("--socket", socket.toString()));
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    int exitCode =
        Main.run(
            command.toArray(String[]::new),
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8));
    return new Answer(
        exitCode, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }

  /** Ends it in good order. */
  int terminate() throws InterruptedException {
    LibC.kill((int) process.pid(), SIGTERM);
    if (!process.waitFor(20, TimeUnit.SECONDS)) {
      throw new AssertionError("SIGTERM did not end it");
    }
    return process.exitValue();
  }

  int awaitExit() throws InterruptedException {
    if (!process.waitFor(20, TimeUnit.SECONDS)) {
      throw new AssertionError("it goes on");
    }
    return process.exitValue();
  }

  /** SIGKILL. */
  void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }
}
