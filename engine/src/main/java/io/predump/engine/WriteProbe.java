package io.predump.engine;

import io.predump.engine.ProbeResult.Outlook;
import io.predump.engine.ProbeResult.VmaHeat;
import io.predump.engine.TargetRefusedException.Kind;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Watches how a process tree writes, by the scans a run would make and nothing else: each window
 * begins with a scan that arms memory and ends with one that lists what was written and arms it
 * again. Made by {@link PreDumpSession#probe}; used by one thread, {@link #cancel} by any.
 *
 * <p>From what it saw it forecasts the run: rounds are simulated over the fitted {@link WriteCurve}
 * and judged by the policy that judges real ones.
 */
public final class WriteProbe implements AutoCloseable {
  private static final int HOTTEST = 20;

  /** The commit with its flush: some 20 ms on a disk that is not busy. A scan adds to it. */
  private static final double COMMIT_SECONDS = 0.02;

  /** Making buffers ready and collecting garbage before a freeze. A scan adds to it. */
  private static final double REHEARSAL_SECONDS = 0.03;

  private final TargetTree tree;
  private final SessionOptions session;
  private final ProbeOptions options;
  private final CountDownLatch cancelled = new CountDownLatch(1);
  private final List<WriteCurve.Window> windows = new ArrayList<>();
  private long comparedPages;
  private long frozenNanos;
  private long longestNanos;
  private long scanNanos;
  private Map<Place, Long> heat = Map.of();

  private record Place(int pid, long start, long end, String name) {}

  /** Takes the tree over. */
  WriteProbe(TargetTree tree, SessionOptions session, ProbeOptions options) {
    this.tree = tree;
    this.session = session;
    this.options = options;
  }

  /** Comparing finds out by reading, so scans alone would find nothing. */
  static void requireReports(TrackerPlan plan) throws TargetRefusedException {
    if (plan.tracker() == TrackerChoice.COMPARE) {
      throw new TargetRefusedException(
          Kind.LACKING,
          "a probe only scans, and --tracker compare finds writes by reading all memory: nothing"
              + " would be seen; take a run of a few rounds with --final none and read the dirty"
              + " rates of its rounds ("
              + plan.reason()
              + ")");
    }
  }

  /** {@return the tracker in use, and why} */
  public String trackerDescription() {
    return tree.tracker().description();
  }

  /** {@return what the operator should know, so far} */
  public List<String> warnings() {
    return tree.warnings();
  }

  /** Ends the watching soon; what was seen so far is reported. */
  public void cancel() {
    cancelled.countDown();
  }

  /**
   * Watches; to be called once.
   *
   * @return what was seen, also if the target ended or the probe was cancelled on the way
   * @throws IOException if the target cannot be scanned
   */
  public ProbeResult watch() throws IOException {
    long memoryBytes = 0;
    Optional<StopReason> ended = Optional.empty();
    try {
      long scanned = System.nanoTime();
      scan(new ScanCounts());
      memoryBytes = owedBytes();
      for (int millis : options.windowsMillis()) {
        if (!sleep(scanned + millis * 1_000_000L - System.nanoTime())) {
          ended = Optional.of(StopReason.INTERRUPTED);
          break;
        }
        long now = System.nanoTime();
        observe(now - scanned);
        scanned = now;
      }
    } catch (IOException e) {
      ended = Optional.of(tree.endBehind(e));
    }
    WriteCurve curve = WriteCurve.fit(windows);
    return new ProbeResult(
        memoryBytes,
        comparedPages << PageTable.PAGE_SHIFT,
        windows,
        curve,
        hottest(),
        windows.isEmpty() ? Optional.empty() : Optional.of(outlook(curve, memoryBytes)),
        ended,
        tree.warnings(),
        tree.longestStopNanos() / 1000,
        frozenNanos / 1000);
  }

  private void observe(long nanos) throws IOException {
    Map<Place, Long> writes = new HashMap<>();
    ScanCounts counts =
        new ScanCounts(
            (pid, vma, pages) ->
                writes.merge(
                    new Place(pid.number(), vma.start(), vma.end(), vma.vma().name()),
                    pages,
                    Long::sum));
    long began = System.nanoTime();
    scan(counts);
    scanNanos = System.nanoTime() - began;
    windows.add(new WriteCurve.Window(nanos / 1e9, counts.written << PageTable.PAGE_SHIFT));
    comparedPages = counts.compared;
    if (nanos >= longestNanos) {
      longestNanos = nanos;
      heat = writes;
    }
  }

  private void scan(ScanCounts counts) throws IOException {
    tree.scanLive(counts);
    frozenNanos += counts.frozenNanos;
  }

  /** {@return what a first round would read now} */
  private long owedBytes() {
    return tree.tables().stream().mapToLong(PageTable::owedPages).sum() << PageTable.PAGE_SHIFT;
  }

  /** {@return whether the time went by without a cancellation} */
  private boolean sleep(long nanos) {
    try {
      return !cancelled.await(Math.max(0, nanos), TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private List<VmaHeat> hottest() {
    return heat.entrySet().stream()
        .sorted(Map.Entry.<Place, Long>comparingByValue(Comparator.reverseOrder()))
        .limit(HOTTEST)
        .map(
            entry ->
                new VmaHeat(
                    entry.getKey().pid,
                    entry.getKey().start,
                    entry.getKey().end,
                    entry.getKey().name,
                    entry.getValue() << PageTable.PAGE_SHIFT,
                    longestNanos / 1_000_000))
        .toList();
  }

  private Outlook outlook(WriteCurve curve, long memoryBytes) throws IOException {
    long throughput =
        options.throughput().orElse(ProbeOptions.ASSUMED_PER_THREAD * session.threads());
    RunForecast.Writes writes = new Watched(curve, memoryBytes);
    RunForecast.Copier copier =
        new RunForecast.Copier(
            throughput,
            COMMIT_SECONDS + scanNanos / 1e9,
            REHEARSAL_SECONDS + scanNanos / 1e9,
            0,
            comparedPages << PageTable.PAGE_SHIFT,
            Double.MAX_VALUE);
    DowntimeModel downtime = new DowntimeModel(tree.threadCount());
    RunForecast run = RunForecast.of(writes, copier, downtime, options.run());
    double floor = RunForecast.floorBytes(writes, copier);
    long first = run.rounds().isEmpty() ? 0 : run.rounds().get(0).bytes().read();
    return new Outlook(
        throughput,
        options.throughput().isEmpty(),
        run.rounds().size(),
        run.stopReason(),
        run.readBytes(),
        run.readBytes() - first,
        run.freezeBytes(),
        run.freezeMicros(),
        (long) floor,
        downtime.predictMicros(memoryBytes >>> PageTable.PAGE_SHIFT, (long) floor),
        options.run().downtimeLimit().toNanos() / 1000);
  }

  /** The curve, over and over: what is written within a window depends on its length alone. */
  private record Watched(WriteCurve curve, long memoryBytes) implements RunForecast.Writes {
    @Override
    public double between(double from, double to) {
      return Math.min((double) memoryBytes, curve.bytesWithin(to - from));
    }

    @Override
    public double memory(double at) {
      return memoryBytes;
    }
  }

  /** Lets go of the target. */
  @Override
  public void close() {
    tree.close();
  }
}
