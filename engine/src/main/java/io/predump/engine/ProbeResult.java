package io.predump.engine;

import java.util.List;
import java.util.Optional;

/**
 * What a probe saw, and what it forecasts.
 *
 * @param memoryBytes what a first round would read
 * @param comparedBytes memory whose writes no fault shows: read in every round and in the freeze
 * @param windows the observations in order
 * @param curve fitted to them; zeros without any
 * @param heat where the longest window's writes were, most written first
 * @param outlook what a run would do; empty without an observation
 * @param ended why it ended before its time, if it did
 * @param warnings what the operator should know
 * @param stoppedMicros how long one thread was stopped to obtain the tracking descriptor
 * @param frozenMicros how long all threads stood still to be scanned; 0 but for soft-dirty tracking
 */
public record ProbeResult(
    long memoryBytes,
    long comparedBytes,
    List<WriteCurve.Window> windows,
    WriteCurve curve,
    List<VmaHeat> heat,
    Optional<Outlook> outlook,
    Optional<StopReason> ended,
    List<String> warnings,
    long stoppedMicros,
    long frozenMicros) {

  public ProbeResult {
    windows = List.copyOf(windows);
    heat = List.copyOf(heat);
    warnings = List.copyOf(warnings);
  }

  /**
   * The writes to one mapping.
   *
   * @param pid of the process
   * @param start first address
   * @param end first address after it
   * @param name as in maps; empty for plain anonymous memory
   * @param writtenBytes 4096 × pages written at least once within the longest window
   * @param windowMillis that window
   */
  public record VmaHeat(
      int pid, long start, long end, String name, long writtenBytes, long windowMillis) {}

  /**
   * What a run would do.
   *
   * @param throughputBytesPerSecond what the forecast takes a round to copy
   * @param throughputAssumed whether nobody measured that
   * @param rounds live rounds
   * @param stopReason why no more; empty if it would go on for ever
   * @param readBytes bytes that the live rounds would read, the first included
   * @param laterBytes the same without the first
   * @param freezeBytes bytes that the final freeze would read
   * @param freezeMicros how long it would last
   * @param floorBytes what rounds converge to, however many
   * @param floorMicros the freeze that would read these
   * @param limitMicros the downtime limit asked for
   */
  public record Outlook(
      long throughputBytesPerSecond,
      boolean throughputAssumed,
      int rounds,
      Optional<StopReason> stopReason,
      long readBytes,
      long laterBytes,
      long freezeBytes,
      long freezeMicros,
      long floorBytes,
      long floorMicros,
      long limitMicros) {

    /** {@return whether rounds can make the freeze as short as asked for} */
    public boolean reachesLimit() {
      return floorMicros <= limitMicros;
    }
  }
}
