package io.predump.junit;

import io.predump.linux.Pid;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.opentest4j.AssertionFailedError;

/**
 * A program that a test checkpoints; registered with {@code @RegisterExtension}. It is started
 * before each test, as soon as it is ready the test begins, and every process of it is killed after
 * the test.
 *
 * <p>Serves one test at a time: as an instance field one per test, as a static one for tests that
 * run one after the other.
 */
public final class CheckpointTarget implements BeforeEachCallback, AfterEachCallback {
  private static final long POLL_MILLIS = 20;

  /** Something about a target that is true or not yet. */
  @FunctionalInterface
  public interface Condition {
    /**
     * {@return whether it is true}
     *
     * @throws Exception if it cannot be told yet: the same as false
     */
    boolean test(CheckpointTarget target) throws Exception;
  }

  /** What is done with the target's directory before it starts. */
  @FunctionalInterface
  public interface Preparation {
    /** Does it; only directory and port may be asked for. */
    void run(CheckpointTarget target) throws Exception;
  }

  private final List<String> command;
  private final Map<String, String> environment;
  private final Preparation preparation;
  private final Condition ready;
  private final Duration readyWithin;
  private @Nullable RunningTarget running;

  private CheckpointTarget(Builder builder) {
    command = List.copyOf(builder.command);
    environment = Map.copyOf(builder.environment);
    preparation = builder.preparation;
    ready = builder.ready;
    readyWithin = builder.readyWithin;
  }

  /**
   * Begins to describe a target.
   *
   * @param words program and arguments; {@code {directory}} in them becomes a directory of its own,
   *     which is also where it is started, {@code {port}} a free TCP port
   */
  public static Builder command(String... words) {
    if (words.length == 0) {
      throw new IllegalArgumentException("a command has at least one word");
    }
    return new Builder(List.of(words));
  }

  /** Describes a target. */
  public static final class Builder {
    private final List<String> command;
    private final Map<String, String> environment = new LinkedHashMap<>();
    private Preparation preparation = target -> {};
    private Condition ready = target -> true;
    private Duration readyWithin = Duration.ofSeconds(30);

    private Builder(List<String> command) {
      this.command = command;
    }

    /**
     * Adds a variable to its environment, which else is that of the test.
     *
     * @return this
     */
    public Builder environment(String name, String value) {
      environment.put(name, value);
      return this;
    }

    /**
     * Sets what is done before it starts: files written, a database made.
     *
     * @return this
     */
    public Builder prepare(Preparation action) {
      preparation = action;
      return this;
    }

    /**
     * Sets what must be true before the test begins. Asked again and again.
     *
     * @return this
     */
    public Builder readyWhen(Condition condition) {
      ready = condition;
      return this;
    }

    /**
     * The test begins when something listens at the target's port.
     *
     * @return this
     */
    public Builder readyWhenListening() {
      return readyWhen(
          target -> {
            new Socket(InetAddress.getLoopbackAddress(), target.port()).close();
            return true;
          });
    }

    /**
     * The test begins when the target has printed this.
     *
     * @return this
     */
    public Builder readyWhenPrinted(String text) {
      return readyWhen(target -> target.printed().contains(text));
    }

    /**
     * Sets how long it may take to become ready; 30 s if not set.
     *
     * @return this
     */
    public Builder readyWithin(Duration atMost) {
      readyWithin = atMost;
      return this;
    }

    /** {@return the target} */
    public CheckpointTarget build() {
      return new CheckpointTarget(this);
    }
  }

  @Override
  public void beforeEach(ExtensionContext context) throws Exception {
    start();
  }

  @Override
  public void afterEach(ExtensionContext context) throws Exception {
    RunningTarget ending = running;
    if (ending != null) {
      boolean failed = context.getExecutionException().isPresent();
      Path images = ending.temporaryImages();
      if (failed && images != null) {
        context.publishReportEntry("images", images.toString());
      }
      end(failed);
    }
  }

  void start() throws Exception {
    if (running != null) {
      throw new IllegalStateException(
          command.get(0) + " serves another test: tests that run at once need one target each");
    }
    RunningTarget starting = RunningTarget.prepare(command.get(0));
    running = starting;
    try {
      preparation.run(this);
      starting.start(command, environment);
      awaitReady();
    } catch (Exception | AssertionError e) {
      try {
        end(false);
      } catch (IOException | RuntimeException also) {
        e.addSuppressed(also);
      }
      throw e;
    }
  }

  void end(boolean keepImages) throws IOException, InterruptedException {
    RunningTarget ending = running();
    running = null;
    ending.end(keepImages);
  }

  private void awaitReady() throws InterruptedException {
    long began = System.nanoTime();
    Exception last = null;
    while (true) {
      try {
        if (ready.test(this)) {
          break;
        }
      } catch (InterruptedException e) {
        throw e;
      } catch (Exception e) {
        last = e;
      }
      processes().running(); // takes note of children, which may outlive their parent
      if (!isRunning()) {
        throw new AssertionFailedError(
            command.get(0) + ": ended before it was ready" + running().lastWords(), last);
      }
      if (System.nanoTime() - began > readyWithin.toNanos()) {
        throw new AssertionFailedError(
            command.get(0)
                + ": not ready after "
                + readyWithin.toMillis()
                + " ms"
                + running().lastWords(),
            last);
      }
      Thread.sleep(POLL_MILLIS);
    }
  }

  TargetProcesses processes() {
    return running().processes();
  }

  private RunningTarget running() {
    RunningTarget now = running;
    if (now == null) {
      throw new IllegalStateException(
          command.get(0) + " is not started: is the field annotated with @RegisterExtension?");
    }
    return now;
  }

  /** {@return the first process; the same pid after a restore} */
  public Pid pid() {
    return running().pid();
  }

  /** {@return all processes of it that run, in the order of their pids} */
  public List<Pid> pids() {
    return processes().running();
  }

  /** {@return whether its first process runs} */
  public boolean isRunning() {
    return processes().rootRuns();
  }

  /** {@return a directory of its own, mode 0700, in which it was started} */
  public Path directory() {
    return running().directory();
  }

  /** {@return a TCP port that was free when it was started} */
  public int port() {
    return running().port();
  }

  /** {@return what it has printed so far, errors too} */
  public String printed() throws IOException {
    Path output = directory().resolve("output");
    return Files.exists(output) ? Files.readString(output, StandardCharsets.ISO_8859_1) : "";
  }

  /**
   * Puts load on it: does an action again and again, on a thread of its own, until the test ends.
   * Returns when it was done once.
   *
   * @throws AssertionFailedError if it fails the first time, or takes more than ten seconds
   */
  public Load load(Load.Action action) throws InterruptedException {
    Load load = running().add(Load.repeating(action));
    load.requireWorking();
    return load;
  }

  /**
   * Puts load on it by a program, which must run longer than the test.
   *
   * @param words program and arguments, with {@code {directory}} and {@code {port}} as in {@link
   *     #command}
   */
  public Load load(String... words) throws IOException {
    List<String> resolved = running().resolve(List.of(words));
    return running().add(Load.program(resolved, directory()));
  }

  /** {@return a checkpoint to be taken of it and everything below it} */
  public CheckpointPlan checkpoint() {
    return new CheckpointPlan(running());
  }

  /** Kills every process of it, as a crash would, and waits until all are gone. */
  public void kill() throws IOException, InterruptedException {
    processes().kill(RunningTarget.END);
  }
}
