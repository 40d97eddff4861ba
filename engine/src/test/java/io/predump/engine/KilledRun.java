package io.predump.engine;

import io.predump.images.DiskActs;
import io.predump.linux.KernelFeatures;
import io.predump.linux.LibC;
import io.predump.linux.Pid;
import io.predump.linux.ptrace.KillPoint;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * A program that takes two rounds and a verified final one of a process, and kills itself with
 * SIGKILL on the way: so long after it was told of the n-th step. It prints where; if told not to
 * kill itself, every step, and how many nanoseconds all took. Steps are the acts of the injection,
 * the acts on the disk, and what the engine does in between.
 */
public final class KilledRun {
  /** The number of a step that never comes. */
  static final int NEVER = Integer.MAX_VALUE;

  private static final int SIGKILL = 9;

  private final int step;
  private final String name;
  private final long delayNanos;
  private final boolean lists;
  private final OutputStream out = new FileOutputStream(FileDescriptor.out);
  private final AtomicLong due = new AtomicLong(Long.MAX_VALUE);
  private volatile String phase = "attach";
  private int steps;

  private KilledRun(int step, String name, long delayNanos) {
    this.step = step;
    this.name = name;
    this.delayNanos = delayNanos;
    this.lists = step == NEVER;
  }

  /**
   * Arguments: pid, images directory, the step, delay in ns. A step is a number (0: the beginning),
   * or the name of one that comes once: how many acts on the disk come before it varies.
   */
  public static void main(String[] arguments) throws IOException {
    boolean numbered = arguments[2].matches("\\d+");
    KilledRun run =
        new KilledRun(
            numbered ? Integer.parseInt(arguments[2]) : NEVER - 1,
            numbered ? "" : arguments[2],
            Long.parseLong(arguments[3]));
    run.watchTheClock();
    KillPoint.watch(act -> run.before("inject", act));
    try (DiskActs acts = DiskActs.watch((act, path) -> run.before("disk", act))) {
      long began = System.nanoTime();
      run.before("begin", "");
      run.take(new Pid(Integer.parseInt(arguments[0])), Path.of(arguments[1]));
      run.say("took\t" + (System.nanoTime() - began));
    }
  }

  private void take(Pid pid, Path images) throws IOException {
    try (PreDumpSession session =
        PreDumpSession.attach(
            pid,
            images,
            SessionOptions.defaults("test"),
            KernelFeatures.current(),
            TestHooks.watched(step -> before("engine", step)))) {
      for (int round = 1; round <= 2; round++) {
        session.round().orElseThrow();
      }
      session.finish(true).orElseThrow();
    }
  }

  private synchronized void before(String kind, String coming) {
    phase =
        switch (coming) {
          case "the scan" -> "round";
          case "the commit" -> "commit";
          case "the freeze", "the capture", "the comparison" -> "freeze";
          case "the thaw" -> "thaw";
          case "the release" -> "release";
          default -> phase;
        };
    if (lists) {
      say(kind + "\t" + phase + "\t" + coming);
    }
    if (steps++ == step || (!name.isEmpty() && coming.equals(name))) {
      if (delayNanos == 0) {
        die();
      }
      due.set(System.nanoTime() + delayNanos);
    }
  }

  private void watchTheClock() {
    Thread clock =
        new Thread(
            () -> {
              while (System.nanoTime() - due.get() < 0 || due.get() == Long.MAX_VALUE) {
                LockSupport.parkNanos(20_000);
              }
              die();
            },
            "clock");
    clock.setDaemon(true);
    if (delayNanos > 0) {
      clock.start();
    }
  }

  private void die() {
    say("killed\t" + phase);
    LibC.kill(LibC.getpid(), SIGKILL);
  }

  /** One write(2), which a kill does not cut. */
  private void say(String line) {
    try {
      out.write((line + "\n").getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
