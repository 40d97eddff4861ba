package io.predump.engine;

import io.predump.images.ImageChain;
import io.predump.images.PagesName;
import io.predump.images.ResolvedPages;
import io.predump.linux.Pid;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.testkit.CProgram;
import io.predump.linux.testkit.LiveTarget;
import io.predump.linux.testkit.Slowness;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Starts the C targets of {@code src/test/c} and asks /proc how a target fares. */
public final class Targets {
  private static final Path SOURCES = Path.of("src/test/c");
  private static final Duration PATIENCE = Slowness.times(Duration.ofSeconds(20));

  private Targets() {}

  /** A condition that may fail to be asked. */
  public interface Condition {
    boolean holds() throws IOException;
  }

  /** Compiles a program of {@code src/test/c}, its own headers put in, once per content. */
  public static CProgram program(String name, String... flags) {
    try {
      return CProgram.compile(name, source(name + ".c"), flags);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String source(String file) throws IOException {
    StringBuilder text = new StringBuilder();
    for (String line : Files.readAllLines(SOURCES.resolve(file))) {
      boolean own = line.startsWith("#include \"");
      text.append(own ? source(line.substring(10, line.length() - 1)) : line).append('\n');
    }
    return text.toString();
  }

  /** Starts a program of {@code src/test/c} and waits until its memory is set up. */
  public static LiveTarget ready(String name, Object... arguments) throws IOException {
    return ready(program(name), arguments);
  }

  /** Starts a program and waits for its line "ready". */
  static LiveTarget ready(CProgram program, Object... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of(program.executable().toString()));
    Arrays.stream(arguments).map(String::valueOf).forEach(command::add);
    return ready(command);
  }

  /** Starts a command and waits for its line "ready". */
  public static LiveTarget ready(List<String> command) throws IOException {
    LiveTarget target = LiveTarget.start(command);
    try {
      String line = target.nextLine();
      if (!line.equals("ready")) {
        throw new IOException(command + " says: " + line);
      }
      return target;
    } catch (IOException | RuntimeException e) {
      target.close();
      throw e;
    }
  }

  /**
   * {@return how much the process's threads worked so far: the times they went to sleep and the
   * processor time they used}
   */
  static long work(Pid pid) throws IOException {
    long sum = 0;
    for (int tid : ProcStatus.threads(pid)) {
      Path task = Path.of(pid.procPath("task/" + tid));
      try {
        sum += statusNumber(task.resolve("status"), "voluntary_ctxt_switches");
      } catch (IOException e) {
        // the thread has ended meanwhile
      }
    }
    String stat = Files.readString(Path.of(pid.procPath("stat")));
    String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
    return sum + Long.parseLong(fields[14 - 3]) + Long.parseLong(fields[15 - 3]);
  }

  /** {@return the state of every thread as one string, for example "SRS"} */
  static String threadStates(Pid pid) throws IOException {
    StringBuilder states = new StringBuilder();
    for (int tid : ProcStatus.threads(pid)) {
      states.append(ProcStatus.threadState(pid, tid));
    }
    return states.toString();
  }

  /** {@return the number behind {@code key:} of a status file} */
  static long statusNumber(Path status, String key) throws IOException {
    for (String line : Files.readAllLines(status)) {
      if (line.startsWith(key + ":")) {
        return Long.parseLong(line.substring(key.length() + 1).replace("kB", "").trim());
      }
    }
    throw new IOException(status + ": no " + key);
  }

  /** Waits until the target has visibly worked, and fails if it does not. */
  public static void awaitProgress(LiveTarget target) throws IOException {
    long before = work(target.pid());
    await("pid=" + target.pid() + " makes progress", () -> work(target.pid()) > before + 2);
  }

  /** Waits for a condition, and fails naming it. */
  public static void await(String what, Condition condition) throws IOException {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (!condition.holds()) {
      if (System.nanoTime() > end) {
        throw new AssertionError("waited in vain: " + what);
      }
      LiveTarget.pause(2);
    }
  }

  /** {@return how many of the {@code pages} pages from {@code start} on the newest round holds} */
  static int heldPages(Path images, Pid vpid, long start, int pages) throws IOException {
    try (ImageChain chain = ImageChain.open(images)) {
      ResolvedPages resolved = chain.pages(PagesName.ofProcess(vpid.number()));
      int held = 0;
      for (int i = 0; i < pages; i++) {
        held += resolved.roundOf(start + (long) i * PageTable.PAGE_BYTES) < 0 ? 0 : 1;
      }
      return held;
    }
  }

  /** {@return the names in a directory, ascending} */
  static List<String> names(Path directory) throws IOException {
    List<String> names = new ArrayList<>();
    try (var entries = Files.list(directory)) {
      entries.map(path -> path.getFileName().toString()).sorted().forEach(names::add);
    }
    return names;
  }
}
