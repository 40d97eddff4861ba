package io.predump.junit;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.zip.CRC32;

/**
 * A program of {@link JvmRestoreIT}, run in a JVM of its own: makes garbage, moves what it keeps,
 * and prints after each step what follows from all of it. Two threads do half a step each.
 */
final class JvmProgram {
  private static final int KEPT = 20_000;

  private final Random choice;
  private final Map<Integer, byte[]> held = new LinkedHashMap<>();
  private final CRC32 sum = new CRC32();

  private JvmProgram(long seed) {
    choice = new Random(seed);
  }

  /** Runs until killed. */
  public static void main(String[] args) throws InterruptedException {
    JvmProgram one = new JvmProgram(1);
    JvmProgram other = new JvmProgram(2);
    for (int step = 1; ; step++) {
      Thread thread = new Thread(other::step);
      thread.start();
      one.step();
      thread.join();
      System.out.printf(
          "%d %d %08x %08x%n",
          step, one.held.size() + other.held.size(), one.sum.getValue(), other.sum.getValue());
      Thread.sleep(5);
    }
  }

  private void step() {
    for (int i = 0; i < 200; i++) {
      byte[] bytes = new byte[choice.nextInt(4000)];
      choice.nextBytes(bytes);
      byte[] before = held.put(choice.nextInt(KEPT), bytes);
      if (before != null) {
        sum.update(before);
      }
    }
  }
}
