package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.linux.KernelFeatures;
import io.predump.linux.Pid;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** The target {@code scripted.c}: memory that does what a test tells it, step by step. */
final class Script implements AutoCloseable {
  private final LiveTarget target;

  private Script(LiveTarget target) {
    this.target = target;
  }

  /**
   * Starts one that leads a session: where the tests' own has its leader outside the pid namespace,
   * as below {@code docker exec}, CRIU dumps nothing that belongs to it.
   */
  static Script start() throws IOException {
    return new Script(
        Targets.ready(List.of("setsid", Targets.program("scripted").executable().toString())));
  }

  Pid pid() {
    return target.pid();
  }

  /**
   * Maps memory.
   *
   * @param kind as {@code scripted.c} lists them
   * @return its address
   */
  long map(String name, String kind, int pages) throws IOException {
    String answer = target.ask("map " + name + " " + kind + " " + pages);
    assertThat(answer).doesNotStartWith("lacking");
    return Long.parseUnsignedLong(answer, 16);
  }

  /** Gives an order that is answered by "done". */
  Script tell(String order) throws IOException {
    assertThat(target.ask(order)).as(order).isEqualTo("done");
    return this;
  }

  /** Gives an order whose answer is not waited for: {@link #nextLine} takes it. */
  void begin(String order) throws IOException {
    target.tell(order);
  }

  /** {@return whether the order begun last is answered} */
  boolean hasAnswered() throws IOException {
    return target.hasNextLine();
  }

  /** {@return the next answer} */
  String nextLine() throws IOException {
    return target.nextLine();
  }

  /** {@return the answer to an order} */
  String ask(String order) throws IOException {
    return target.ask(order);
  }

  boolean isAlive() {
    return target.isAlive();
  }

  /** Attaches with everything a test may switch off or put in between. */
  PreDumpSession attach(Path images, TestHooks hooks) throws IOException {
    return attach(images, SessionOptions.defaults("test"), hooks);
  }

  PreDumpSession attach(Path images, SessionOptions options, TestHooks hooks) throws IOException {
    return PreDumpSession.attach(pid(), images, options, KernelFeatures.current(), hooks);
  }

  /** {@return how many pages differ between the images of a last round and the frozen memory} */
  static long different(PreDumpSession session) throws IOException {
    VerifyResult verify = session.finish(true).orElseThrow().verify().orElseThrow();
    assertThat(verify.compared()).isPositive();
    return verify.different();
  }

  @Override
  public void close() throws IOException {
    target.close();
  }
}
