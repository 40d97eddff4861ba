package io.predump.engine;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * How a session copies.
 *
 * @param level zstd level, 1 to 19; or {@link #AUTO_LEVEL}: whichever copies fastest here, and what
 *     does not compress is stored as it is
 * @param threads workers that read and compress, at least 1
 * @param tracker what finds written pages
 * @param freezeTimeout how long the threads of a process may take to stop before they all run on;
 *     the freeze is tried a few times
 * @param freezeBufferBytes the most the engine reads into memory under the freeze; what exceeds it
 *     is compressed and written frozen
 * @param freezeCgroup the cgroup directory, of version 1 or 2, whose freezer stops the tree; empty:
 *     ptrace, which alone lets the tree go by itself when this program dies
 * @param single whether the process alone is meant, not those below it
 * @param allowDeviceWriters whether a target is taken whose memory a device may write unseen (RDMA,
 *     VFIO, AF_XDP, GPU); its rounds are marked as not verified
 * @param restoreThp whether huge pages that tracking split are put together again at the end
 * @param limits what the workers of live rounds may take
 * @param engineVersion written into every round's manifest
 */
public record SessionOptions(
    int level,
    int threads,
    TrackerChoice tracker,
    Duration freezeTimeout,
    long freezeBufferBytes,
    Optional<Path> freezeCgroup,
    boolean single,
    boolean allowDeviceWriters,
    boolean restoreThp,
    CopyLimits limits,
    String engineVersion) {

  /** Stands for a level that is chosen on the way. */
  public static final int AUTO_LEVEL = LevelPilot.AUTO;

  /** Level 1, one worker per core, 200 ms a try, 128 MiB, everything else off or automatic. */
  public static SessionOptions defaults(String engineVersion) {
    return new SessionOptions(
        1,
        Runtime.getRuntime().availableProcessors(),
        TrackerChoice.AUTO,
        Duration.ofMillis(200),
        128L << 20,
        Optional.empty(),
        false,
        false,
        false,
        CopyLimits.NONE,
        engineVersion);
  }

  public SessionOptions {
    if (level != AUTO_LEVEL && (level < 1 || level > 19)) {
      throw new IllegalArgumentException("level=" + level + ": 1 to 19");
    }
    if (threads < 1) {
      throw new IllegalArgumentException("threads=" + threads + ": at least 1");
    }
    if (freezeBufferBytes < 1 << 20) {
      throw new IllegalArgumentException(
          "freezeBufferBytes=" + freezeBufferBytes + ": at least 1 MiB");
    }
  }

  /** {@return these options with another level} */
  public SessionOptions withLevel(int newLevel) {
    return with(values -> values.level = newLevel);
  }

  /** {@return these options with another number of workers} */
  public SessionOptions withThreads(int newThreads) {
    return with(values -> values.threads = newThreads);
  }

  /** {@return these options with another tracker} */
  public SessionOptions withTracker(TrackerChoice choice) {
    return with(values -> values.tracker = choice);
  }

  /** {@return these options with another bound on what is read into memory under the freeze} */
  public SessionOptions withFreezeBufferBytes(long bytes) {
    return with(values -> values.freezeBufferBytes = bytes);
  }

  /** {@return these options with a cgroup to freeze by} */
  public SessionOptions withFreezeCgroup(Path directory) {
    return with(values -> values.freezeCgroup = Optional.of(directory));
  }

  /** {@return these options for the process alone, or for the tree below it} */
  public SessionOptions withSingle(boolean alone) {
    return with(values -> values.single = alone);
  }

  /** {@return these options with devices that write memory allowed, or refused} */
  public SessionOptions withAllowDeviceWriters(boolean allowed) {
    return with(values -> values.allowDeviceWriters = allowed);
  }

  /** {@return these options with split huge pages put together again at the end, or left} */
  public SessionOptions withRestoreThp(boolean restored) {
    return with(values -> values.restoreThp = restored);
  }

  /** {@return these options with limits on what the workers take} */
  public SessionOptions withLimits(CopyLimits newLimits) {
    return with(values -> values.limits = newLimits);
  }

  private SessionOptions with(Consumer<Values> change) {
    Values values = new Values(this);
    change.accept(values);
    return values.options();
  }

  /** The same values, changeable. */
  private static final class Values {
    private int level;
    private int threads;
    private TrackerChoice tracker;
    private final Duration freezeTimeout;
    private long freezeBufferBytes;
    private Optional<Path> freezeCgroup;
    private boolean single;
    private boolean allowDeviceWriters;
    private boolean restoreThp;
    private CopyLimits limits;
    private final String engineVersion;

    Values(SessionOptions from) {
      level = from.level;
      threads = from.threads;
      tracker = from.tracker;
      freezeTimeout = from.freezeTimeout;
      freezeBufferBytes = from.freezeBufferBytes;
      freezeCgroup = from.freezeCgroup;
      single = from.single;
      allowDeviceWriters = from.allowDeviceWriters;
      restoreThp = from.restoreThp;
      limits = from.limits;
      engineVersion = from.engineVersion;
    }

    SessionOptions options() {
      return new SessionOptions(
          level,
          threads,
          tracker,
          freezeTimeout,
          freezeBufferBytes,
          freezeCgroup,
          single,
          allowDeviceWriters,
          restoreThp,
          limits,
          engineVersion);
    }
  }
}
