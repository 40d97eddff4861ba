package io.predump.linux.testkit;

import io.predump.linux.LibC;
import io.predump.linux.Pid;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A process to act on, started detached: a shell starts it and exits, so it is not a child of this
 * JVM, whose reaper would swallow its ptrace stops. Killed, by its pid, when closed.
 *
 * <p>Its output goes to a file; its input comes from a pipe, so that a test can {@link #ask} it.
 */
public final class LiveTarget implements AutoCloseable {
  private static final long TIMEOUT_NANOS = Slowness.times(Duration.ofSeconds(20)).toNanos();

  private final Pid pid;
  private final Path directory;
  private int linesTaken;

  private LiveTarget(Pid pid, Path directory) {
    this.pid = pid;
    this.directory = directory;
  }

  /** Starts a program of a test. */
  public static LiveTarget start(CProgram program, String... arguments) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(program.executable().toString());
    command.addAll(List.of(arguments));
    return start(command);
  }

  /** Starts a command. */
  public static LiveTarget start(List<String> command) throws IOException {
    Path directory = Files.createTempDirectory("predump-target");
    List<String> shell =
        new ArrayList<>(
            List.of(
                "sh",
                "-c",
                "mkfifo \"$1/in\" && dir=$1 && shift && { \"$@\" <>\"$dir/in\" >\"$dir/out\" 2>&1 &"
                    + " } && echo $!",
                "sh",
                directory.toString()));
    shell.addAll(command);
    Process process =
        new ProcessBuilder(shell).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    try {
      String answer = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (process.waitFor() != 0) {
        throw new IOException("cannot start " + command);
      }
      return new LiveTarget(new Pid(Integer.parseInt(answer.trim())), directory);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
  }

  /** Returns the process. */
  public Pid pid() {
    return pid;
  }

  /** Returns the file its output goes to. */
  public Path output() {
    return directory.resolve("out");
  }

  /** Returns whether any thread of it is still there, a zombie counting as gone. */
  public boolean isAlive() {
    try (DirectoryStream<Path> threads = Files.newDirectoryStream(Path.of(pid.procPath("task")))) {
      for (Path thread : threads) {
        if (isAlive(thread)) {
          return true;
        }
      }
    } catch (IOException | DirectoryIteratorException e) {
      // The process is gone.
    }
    return false;
  }

  private static boolean isAlive(Path thread) {
    try {
      String stat = Files.readString(thread.resolve("stat"));
      char state = stat.charAt(stat.lastIndexOf(')') + 2);
      return state != 'Z' && state != 'X';
    } catch (IOException e) {
      return false;
    }
  }

  /** Waits for the next line of its output. */
  public String nextLine() throws IOException {
    long start = System.nanoTime();
    while (true) {
      String line = lineThere();
      if (line != null) {
        linesTaken++;
        return line;
      }
      if (System.nanoTime() - start > TIMEOUT_NANOS) {
        throw new IOException("no further line from pid " + pid + ", alive=" + isAlive());
      }
      pause(1);
    }
  }

  /** {@return whether the next line is there already} */
  public boolean hasNextLine() throws IOException {
    return lineThere() != null;
  }

  private @Nullable String lineThere() throws IOException {
    if (!Files.exists(output())) {
      return null;
    }
    String text = Files.readString(output());
    int from = 0;
    for (int i = 0; i < linesTaken && from >= 0; i++) {
      from = text.indexOf('\n', from) + 1;
    }
    int end = text.indexOf('\n', from);
    return end < 0 ? null : text.substring(from, end);
  }

  /** Sends a line and waits for the answer, one line. */
  public String ask(String line) throws IOException {
    tell(line);
    return nextLine();
  }

  /** Sends a line; its answer is the next line. */
  public void tell(String line) throws IOException {
    try (OutputStream in = Files.newOutputStream(directory.resolve("in"))) {
      in.write((line + "\n").getBytes(StandardCharsets.UTF_8));
    }
  }

  /** Sends it a signal. */
  public void signal(int signal) {
    LibC.kill(pid.number(), signal);
  }

  /** Sleeps. */
  public static void pause(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /** Kills it and removes its files. */
  @Override
  public void close() throws IOException {
    if (isAlive()) {
      signal(9);
      long start = System.nanoTime();
      while (isAlive() && System.nanoTime() - start < TIMEOUT_NANOS) {
        pause(1);
      }
    }
    Files.deleteIfExists(directory.resolve("in"));
    Files.deleteIfExists(directory.resolve("out"));
    Files.deleteIfExists(directory);
  }
}
