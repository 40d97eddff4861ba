package io.predump.engine;

import io.predump.images.RoundRecord;
import io.predump.images.RoundRecord.ByteCounts;
import io.predump.images.RoundRecord.DirtyRate;
import io.predump.images.RoundRecord.PageCounts;
import io.predump.images.RoundRecord.VmaCounts;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What a run would do to a target that writes so and so: the rounds, judged by the very {@link
 * ConvergencePolicy} that judges real ones, and the freeze after them. Nothing is measured here and
 * no process is touched.
 *
 * @param rounds the live rounds in order; of their fields only those a policy looks at are filled
 * @param stopReason why there are no more; empty if {@link #MOST_ROUNDS} did not end it
 * @param freezeBytes what the final freeze would read
 * @param freezeMicros how long it would last
 */
record RunForecast(
    List<RoundRecord> rounds,
    Optional<StopReason> stopReason,
    long freezeBytes,
    long freezeMicros) {
  /** Runs without a limit on rounds need not end. */
  static final int MOST_ROUNDS = 1000;

  RunForecast {
    rounds = List.copyOf(rounds);
  }

  /** How a target writes. */
  interface Writes {
    /** {@return bytes of the pages written at least once between two times, seconds} */
    double between(double from, double to);

    /** {@return bytes in memory at a time, seconds} */
    double memory(double at);
  }

  /**
   * What copies.
   *
   * @param bytesPerSecond read, compressed and written by a round
   * @param roundSeconds what a round takes besides: the scan, the commit
   * @param freezeSeconds from the last round to the freeze: its rehearsal
   * @param storedPerRead stored bytes of a byte read
   * @param comparedBytes read in every round and in the freeze, written or not
   * @param freeDiskBytes room before the first round
   */
  record Copier(
      double bytesPerSecond,
      double roundSeconds,
      double freezeSeconds,
      double storedPerRead,
      double comparedBytes,
      double freeDiskBytes) {}

  /** {@return what a run with these options would do from time 0 on} */
  static RunForecast of(Writes writes, Copier copier, DowntimeModel downtime, LoopOptions options) {
    ConvergencePolicy policy = new ConvergencePolicy(options);
    List<RoundRecord> rounds = new ArrayList<>();
    Optional<StopReason> reason = Optional.empty();
    double began = 0;
    double scanned = 0;
    double free = copier.freeDiskBytes;
    while (reason.isEmpty() && rounds.size() < MOST_ROUNDS) {
      boolean first = rounds.isEmpty();
      double written = first ? writes.memory(began) : writes.between(scanned, began);
      double read = written + (first ? 0 : copier.comparedBytes);
      reason = policy.admit((long) read, (long) free);
      if (reason.isPresent()) {
        break;
      }
      double seconds = copier.roundSeconds + read / copier.bytesPerSecond;
      double window = first ? 0 : began - scanned;
      double rate = window == 0 ? 0 : written / window;
      double memory = writes.memory(began + seconds);
      double pending = Math.min(memory, rate * seconds) + copier.comparedBytes;
      RoundRecord round =
          round(
              rounds.size() + 1,
              written,
              new ByteCounts((long) read, (long) (read * copier.storedPerRead)),
              seconds,
              new DirtyRate((long) rate, window == 0 ? 0 : Math.max(1, (long) (window * 1000))),
              first ? 0 : downtime.predictMicros(pages(memory), (long) pending),
              downtime.floorMicros(pages(memory)));
      reason = policy.judge(round, Duration.ofNanos((long) ((began + seconds) * 1e9)));
      rounds.add(round);
      free -= round.bytes().stored();
      scanned = began;
      began += seconds;
    }
    double last = writes.between(scanned, began + copier.freezeSeconds) + copier.comparedBytes;
    long micros = downtime.predictMicros(pages(writes.memory(began)), (long) last);
    return new RunForecast(rounds, reason, (long) last, micros);
  }

  /**
   * {@return the bytes that rounds converge to: a freeze reads no fewer, however many are taken}
   *
   * <p>The largest fixed point of {@code V = written in the time it takes to copy V}, found from
   * above, as rounds approach it; and what is written until the freeze.
   */
  static double floorBytes(Writes writes, Copier copier) {
    double bytes = writes.memory(0);
    for (int i = 0; i < MOST_ROUNDS; i++) {
      double seconds = copier.roundSeconds + bytes / copier.bytesPerSecond;
      double next = Math.min(writes.memory(0), writes.between(0, seconds)) + copier.comparedBytes;
      boolean fixed = Math.abs(next - bytes) < PageTable.PAGE_BYTES;
      bytes = next;
      if (fixed) {
        break;
      }
    }
    double seconds = copier.roundSeconds + bytes / copier.bytesPerSecond + copier.freezeSeconds;
    return Math.min(writes.memory(0), writes.between(0, seconds)) + copier.comparedBytes;
  }

  /** {@return bytes that all live rounds would read} */
  long readBytes() {
    return rounds.stream().mapToLong(round -> round.bytes().read()).sum();
  }

  private static long pages(double bytes) {
    return (long) Math.ceil(bytes / PageTable.PAGE_BYTES);
  }

  private static RoundRecord round(
      int number,
      double written,
      ByteCounts bytes,
      double seconds,
      DirtyRate rate,
      long predictedMicros,
      long floorMicros) {
    return new RoundRecord(
        number,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        (long) (seconds * 1e6),
        new VmaCounts(0, 0, 0, 0),
        new PageCounts(0, (long) (written / PageTable.PAGE_BYTES), 0, 0, 0, 0, 0, 0),
        bytes,
        rate,
        predictedMicros,
        floorMicros,
        "");
  }
}
