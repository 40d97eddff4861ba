package io.predump.engine;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/**
 * What to watch, and for which run to forecast.
 *
 * @param duration how long to watch, at least 400 ms; windows of 0.1, 0.3, 1 and 3 s follow one
 *     another as far as they fit, again and again
 * @param run the run to forecast: its downtime limit, its bound on rounds, its deadline
 * @param throughput bytes per second a round copies, as an earlier run has shown; empty: {@link
 *     #ASSUMED_PER_THREAD} for each worker
 */
public record ProbeOptions(Duration duration, LoopOptions run, OptionalLong throughput) {
  /** Bytes per second that one worker reads, compresses and writes, if nobody knows better. */
  public static final long ASSUMED_PER_THREAD = 350_000_000;

  /** Each window once. */
  public static final Duration SHORT = Duration.ofMillis(4400);

  private static final List<Integer> WINDOWS_MILLIS = List.of(100, 300, 1000, 3000);

  public ProbeOptions {
    if (duration.toMillis() < WINDOWS_MILLIS.get(0) + WINDOWS_MILLIS.get(1)) {
      throw new IllegalArgumentException(
          "duration="
              + duration.toMillis()
              + " ms: at least 400 ms, for a rate means nothing without another window's");
    }
    if (throughput.isPresent() && throughput.getAsLong() <= 0) {
      throw new IllegalArgumentException(
          "throughput=" + throughput.getAsLong() + ": at least 1 byte per second");
    }
  }

  /** {@return the windows that fit, milliseconds, in order} */
  List<Integer> windowsMillis() {
    List<Integer> windows = new ArrayList<>();
    long left = duration.toMillis();
    while (left >= WINDOWS_MILLIS.get(0)) {
      for (int window : WINDOWS_MILLIS) {
        if (window <= left) {
          windows.add(window);
          left -= window;
        }
      }
    }
    return windows;
  }
}
