package io.predump.criu;

import io.predump.linux.Pid;
import io.predump.linux.testkit.CProgram;
import io.predump.linux.testkit.LiveTarget;
import io.predump.linux.testkit.Slowness;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * A process of {@code src/test/c/selfcheck.c}, leader of its own session so that CRIU can take it.
 * It may be dumped, end, and be restored under the same pid; the files of its streams stay.
 */
public final class SelfChecking implements AutoCloseable {
  private static final Path SOURCES = Path.of("src/test/c");
  private static final Duration PATIENCE = Slowness.times(Duration.ofSeconds(20));

  private final LiveTarget target;

  private SelfChecking(LiveTarget target) {
    this.target = target;
  }

  /** Starts one. */
  public static SelfChecking start(String... arguments) throws IOException {
    return start(List.of(), arguments);
  }

  /** Starts one below other programs; its own output is the first of what they print. */
  public static SelfChecking start(List<String> below, String... arguments) throws IOException {
    String source = Files.readString(SOURCES.resolve("selfcheck.c"));
    String header = Files.readString(SOURCES.resolve("target.h"));
    CProgram program =
        CProgram.compile("selfcheck", source.replace("#include \"target.h\"", header));
    // on one processor: its number is in memory, where the kernel writes it for rseq
    List<String> command = new ArrayList<>(List.of("setsid", "taskset", "-c", "0"));
    command.addAll(below);
    command.add(program.executable().toString());
    command.addAll(List.of(arguments));
    SelfChecking started = new SelfChecking(LiveTarget.start(command));
    try {
      String line = started.target.nextLine();
      if (!line.equals("ready")) {
        throw new IOException("selfcheck says: " + line);
      }
      return started;
    } catch (IOException | RuntimeException e) {
      started.close();
      throw e;
    }
  }

  public Pid pid() {
    return target.pid();
  }

  public boolean isAlive() {
    return target.isAlive();
  }

  /** {@return "right", or what is wrong} */
  public String check() throws IOException {
    return target.ask("check");
  }

  /** {@return how often it has written} */
  public long writes() throws IOException {
    return Long.parseLong(target.ask("count"));
  }

  /** {@return the address of its ring for asynchronous reads, 0 without one} */
  public long ring() throws IOException {
    return Long.parseUnsignedLong(target.ask("ring"), 16);
  }

  public void signal(int signal) {
    target.signal(signal);
  }

  /** The file of its output: CRIU will not restore it if its size has changed. */
  public Path output() {
    return target.output();
  }

  /** Waits until the pid is free. */
  public void awaitGone() throws IOException {
    long start = System.nanoTime();
    while (Files.exists(Path.of(target.pid().procPath("stat")))) {
      if (System.nanoTime() - start > PATIENCE.toNanos()) {
        throw new IOException("pid " + target.pid() + " is not reaped");
      }
      LiveTarget.pause(10);
    }
  }

  @Override
  public void close() throws IOException {
    target.close();
  }
}
