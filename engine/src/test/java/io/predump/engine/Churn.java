package io.predump.engine;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A Java program that allocates all the time and knows what its memory must hold: a table of arrays
 * of which each is a function of a seed. Prints "ready"; each line of input is answered by "ok" and
 * the number of arrays replaced so far, after every array was checked, or by "bad".
 */
final class Churn {
  private static final int ARRAYS = 2000;
  private static final long[][] TABLE = new long[ARRAYS][];
  private static final long[] SEEDS = new long[ARRAYS];
  private static final AtomicLong REPLACED = new AtomicLong();

  private Churn() {}

  public static void main(String[] args) throws IOException {
    Random random = new Random(1);
    for (int i = 0; i < ARRAYS; i++) {
      replace(i, random.nextLong());
    }
    Thread allocator =
        new Thread(
            () -> {
              while (true) {
                replace(random.nextInt(ARRAYS), random.nextLong());
              }
            });
    allocator.setDaemon(true);
    allocator.start();
    System.out.println("ready");
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    while (in.readLine() != null) {
      System.out.println(sound() ? "ok " + REPLACED : "bad");
    }
  }

  private static void replace(int i, long seed) {
    long[] array = made(seed);
    synchronized (TABLE) {
      TABLE[i] = array;
      SEEDS[i] = seed;
    }
    REPLACED.incrementAndGet();
  }

  private static long[] made(long seed) {
    Random random = new Random(seed);
    long[] array = new long[100 + random.nextInt(4000)];
    for (int i = 0; i < array.length; i++) {
      array[i] = seed * 31 + i;
    }
    return array;
  }

  private static boolean sound() {
    for (int i = 0; i < ARRAYS; i++) {
      long[] array;
      long seed;
      synchronized (TABLE) {
        array = TABLE[i];
        seed = SEEDS[i];
      }
      if (!java.util.Arrays.equals(array, made(seed))) {
        return false;
      }
    }
    return true;
  }
}
