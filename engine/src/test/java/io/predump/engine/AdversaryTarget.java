package io.predump.engine;

import io.predump.linux.Pid;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Files;

/** {@code adversary.c}: does to its memory whatever Linux lets it, and stamps every page. */
final class AdversaryTarget implements SoakTarget {
  /** Everything the written bit is right about, all at once. */
  static final int MEMORY = 0x407ff;

  /** Of these: children that go on working. */
  static final int FORK = 0x8;

  /** Children that share the address space for a moment. */
  static final int VFORK = 0x800;

  /** Reads with O_DIRECT, waited for. */
  static final int DIRECT = 0x1000;

  /** Reads with O_DIRECT in flight. */
  static final int AIO = 0x2000;

  /** io_uring into ordinary memory. */
  static final int URING = 0x4000;

  /** io_uring into registered buffers. */
  static final int FIXED = 0x10000;

  /** Large process_vm_writev into itself. */
  static final int PEER = 0x20000;

  private static final int MOST_LAST_WORDS = 500;

  private final LiveTarget target;
  private final String what;
  private long operations;

  private AdversaryTarget(LiveTarget target, String what) {
    this.target = target;
    this.what = what;
  }

  /**
   * Starts one.
   *
   * @param features the sum of the bits of adversary.c
   * @param pauseMicros how long each of its threads rests after some operations
   */
  static AdversaryTarget start(long seed, int features, int pauseMicros) throws IOException {
    String what = String.format("adversary seed=%d features=0x%x", seed, features);
    return new AdversaryTarget(Targets.ready("adversary", seed, features, 16, pauseMicros), what);
  }

  @Override
  public Pid pid() {
    return target.pid();
  }

  @Override
  public void check() throws IOException {
    String answer = target.ask("check");
    if (!answer.startsWith("ok ")) {
      throw new AssertionError(what + " was harmed: " + answer);
    }
    long now = Long.parseLong(answer.substring(3));
    if (now <= operations) {
      throw new AssertionError(what + " does nothing any more after operations=" + now);
    }
    operations = now;
  }

  @Override
  public void quiesce() throws IOException {
    tell("quiet");
  }

  @Override
  public void resume() throws IOException {
    tell("loud");
  }

  private void tell(String order) throws IOException {
    String answer = target.ask(order);
    if (!answer.equals(order)) {
      throw new AssertionError(what + ", told to be " + order + ": " + answer);
    }
  }

  @Override
  public String lastWords() {
    try {
      String said = Files.readString(target.output());
      return said.substring(Math.max(0, said.length() - MOST_LAST_WORDS));
    } catch (IOException e) {
      return "nothing that can be read: " + e.getMessage();
    }
  }

  @Override
  public void close() throws IOException {
    target.close();
  }
}
