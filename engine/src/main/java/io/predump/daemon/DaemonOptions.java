package io.predump.daemon;

import io.predump.engine.CopyLimits;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.Optional;

/**
 * How a daemon runs.
 *
 * @param socket where it listens; made 0600
 * @param stateDir where it keeps what sessions it has; empty: nowhere
 * @param metrics loopback address for a scraper; empty: none
 * @param sessions bounds on sessions
 * @param server bounds on connections
 * @param threads workers of a copy
 * @param memoryBytes for buffers of copies and freezes: says how many copies run at a time
 * @param total what all sessions together may take
 * @param engineVersion written into every round
 */
public record DaemonOptions(
    Path socket,
    Optional<Path> stateDir,
    Optional<InetSocketAddress> metrics,
    SessionLimits sessions,
    ServerLimits server,
    int threads,
    long memoryBytes,
    CopyLimits total,
    String engineVersion) {
  /** For buffers, unless told otherwise. */
  public static final long MEMORY_BYTES = 512L << 20;
}
