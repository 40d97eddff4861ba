package io.predump.linux.ptrace;

import io.predump.linux.LibC;
import io.predump.linux.Pid;
import io.predump.linux.ptrace.UserfaultfdInjection.Form;
import java.io.IOException;
import java.util.function.Consumer;

/** A program that injects, and kills itself with SIGKILL before the n-th act of it. */
public final class KillPoint {
  private static final int SIGKILL = 9;

  private KillPoint() {}

  /** Makes this process kill itself before act {@code number}, the first being 1. */
  public static void arm(int number) {
    int[] count = {0};
    UserfaultfdInjection.boundary =
        act -> {
          if (++count[0] == number) {
            LibC.kill(LibC.getpid(), SIGKILL);
          }
        };
  }

  /** Has somebody told of every act of every injection of this process, before it is done. */
  public static void watch(Consumer<String> acts) {
    UserfaultfdInjection.boundary = acts::accept;
  }

  /** Arguments: the target's pid, the number of the act, {@code plain} or {@code safe}. */
  public static void main(String[] arguments) throws IOException {
    arm(Integer.parseInt(arguments[1]));
    Form form = arguments[2].equals("plain") ? Form.PLAIN : Form.NORMAL;
    UserfaultfdInjection.inject(new Pid(Integer.parseInt(arguments[0])), form);
    System.exit(0);
  }
}
