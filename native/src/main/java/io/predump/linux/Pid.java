package io.predump.linux;

/**
 * A process id, or the id of one of its threads, in our pid namespace.
 *
 * @param number the id, greater than 0
 */
public record Pid(int number) {
  public Pid {
    if (number <= 0) {
      throw new IllegalArgumentException("not a pid: " + number);
    }
  }

  /** Returns our own process's id. */
  public static Pid self() {
    return new Pid(LibC.getpid());
  }

  /** Returns {@code /proc/PID/name}. */
  public String procPath(String name) {
    return "/proc/" + number + "/" + name;
  }

  @Override
  public String toString() {
    return Integer.toString(number);
  }
}
