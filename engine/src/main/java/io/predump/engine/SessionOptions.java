package io.predump.engine;

import java.time.Duration;

/**
 * How a session copies.
 *
 * @param level zstd level, 1 to 19
 * @param threads workers that read and compress, at least 1
 * @param freezeTimeout how long the threads of a process may take to stop before they all run on;
 *     the freeze is tried a few times
 * @param freezeBufferBytes the most the engine reads into memory under the freeze; what exceeds it
 *     is compressed and written frozen
 * @param single whether the process alone is meant, not those below it
 * @param engineVersion written into every round's manifest
 */
public record SessionOptions(
    int level,
    int threads,
    Duration freezeTimeout,
    long freezeBufferBytes,
    boolean single,
    String engineVersion) {

  /** Level 1, one worker per core, 200 ms a try, 128 MiB. */
  public static SessionOptions defaults(String engineVersion) {
    return new SessionOptions(
        1,
        Runtime.getRuntime().availableProcessors(),
        Duration.ofMillis(200),
        128L << 20,
        false,
        engineVersion);
  }

  public SessionOptions {
    if (level < 1 || level > 19) {
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
    return new SessionOptions(
        newLevel, threads, freezeTimeout, freezeBufferBytes, single, engineVersion);
  }

  /** {@return these options with another number of workers} */
  public SessionOptions withThreads(int newThreads) {
    return new SessionOptions(
        level, newThreads, freezeTimeout, freezeBufferBytes, single, engineVersion);
  }

  /** {@return these options for the process alone, or for the tree below it} */
  public SessionOptions withSingle(boolean alone) {
    return new SessionOptions(
        level, threads, freezeTimeout, freezeBufferBytes, alone, engineVersion);
  }

  /** {@return these options with another bound on what is read into memory under the freeze} */
  public SessionOptions withFreezeBufferBytes(long bytes) {
    return new SessionOptions(level, threads, freezeTimeout, bytes, single, engineVersion);
  }
}
