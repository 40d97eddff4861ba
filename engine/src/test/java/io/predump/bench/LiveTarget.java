package io.predump.bench;

import io.predump.linux.LibC;
import io.predump.linux.Pid;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * A process to copy. A shell starts it, so that it is not a child of this JVM, which would swallow
 * its stops. It ends with {@link #close}, or with us.
 */
final class LiveTarget implements AutoCloseable {
  static final int SIGUSR1 = 10;
  static final int SIGUSR2 = 12;
  private static final int SIGKILL = 9;

  /** The inner shell says its pid and becomes the program; the outer one is its parent. */
  private static final String START =
      "sh -c 'echo $$; exec \"$@\"' sh \"$@\" & trap '' INT TERM; wait";

  private final Process shell;
  private final BufferedReader words;
  private final Pid pid;
  private final Thread hook;

  private LiveTarget(Process shell, BufferedReader words, Pid pid) {
    this.shell = shell;
    this.words = words;
    this.pid = pid;
    this.hook = new Thread(() -> LibC.kill(pid.number(), SIGKILL));
    Runtime.getRuntime().addShutdownHook(hook);
  }

  /** Starts {@code program}. */
  static LiveTarget start(String... program) throws IOException {
    return start(List.of(), program);
  }

  /**
   * Starts {@code program} as the leader of a session, for CRIU, which refuses a process whose
   * session belongs to a process outside of its pid namespace.
   */
  static LiveTarget startLeader(String... program) throws IOException {
    return start(List.of("setsid"), program);
  }

  private static LiveTarget start(List<String> launcher, String... program) throws IOException {
    List<String> command = new ArrayList<>(List.of("sh", "-c", START, "sh"));
    command.addAll(launcher);
    command.addAll(List.of(program));
    Process shell =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    BufferedReader words =
        new BufferedReader(new InputStreamReader(shell.getInputStream(), StandardCharsets.UTF_8));
    String first = words.readLine();
    if (first == null) {
      throw new IOException("cannot start " + String.join(" ", program));
    }
    return new LiveTarget(shell, words, new Pid(Integer.parseInt(first)));
  }

  Pid pid() {
    return pid;
  }

  /** Waits until it says {@code word}. */
  void await(String word) throws IOException {
    String said = words.readLine();
    if (!word.equals(said)) {
      throw new IOException("pid=" + pid.number() + " said " + said + " instead of " + word);
    }
  }

  /** Sends a signal and waits for the line that the target answers, before it says "done". */
  String answer(int signal) throws IOException {
    if (LibC.kill(pid.number(), signal) != 0) {
      throw new IOException("kill(" + pid.number() + ", " + signal + ") failed");
    }
    String answer = words.readLine();
    await("done");
    return String.valueOf(answer);
  }

  /** Sends a signal and waits until the target says that it has done what it asks for. */
  void ask(int signal) throws IOException {
    if (LibC.kill(pid.number(), signal) != 0) {
      throw new IOException("kill(" + pid.number() + ", " + signal + ") failed");
    }
    await("done");
  }

  @Override
  public void close() throws IOException {
    LibC.kill(pid.number(), SIGKILL);
    Runtime.getRuntime().removeShutdownHook(hook);
    try {
      shell.waitFor();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    words.close();
  }
}
