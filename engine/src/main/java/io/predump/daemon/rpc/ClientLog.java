package io.predump.daemon.rpc;

import io.predump.daemon.Failure;
import io.predump.daemon.Quoted;
import io.predump.linux.Pid;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells the log what clients asked in vain: at most {@link #LINES} lines a second, so that nobody
 * who may connect fills a disk with them. The next line after some were left out says how many.
 */
final class ClientLog {
  /** Lines a second. */
  static final int LINES = 10;

  private static final Logger LOG = LoggerFactory.getLogger(ClientLog.class);
  private static final long SECOND_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final LongSupplier clockNanos;
  private long begunNanos;
  private int lines;
  private int omitted;

  ClientLog() {
    this(System::nanoTime);
  }

  /** For tests. */
  ClientLog(LongSupplier clockNanos) {
    this.clockNanos = clockNanos;
    this.begunNanos = clockNanos.getAsLong();
  }

  /** A request failed. */
  void failed(int type, Pid client, Exception why) {
    OptionalInt before = take();
    if (before.isPresent()) {
      LOG.warn(
          "event=rpc-failed type={} client={} reason={} omitted={}",
          type,
          client,
          reason(why),
          before.getAsInt());
    }
  }

  /** A client failed before its first request. */
  void failed(Exception why) {
    OptionalInt before = take();
    if (before.isPresent()) {
      LOG.warn("event=rpc-client-failed reason={} omitted={}", reason(why), before.getAsInt());
    }
  }

  /** A client was sent away. */
  void refused(int connections) {
    OptionalInt before = take();
    if (before.isPresent()) {
      LOG.warn("event=rpc-refused connections={} omitted={}", connections, before.getAsInt());
    }
  }

  private static String reason(Exception why) {
    return Quoted.of(Failure.of(why).message());
  }

  /** {@return how many lines were left out since the last one, or nothing if this one is too} */
  synchronized OptionalInt take() {
    long now = clockNanos.getAsLong();
    if (now - begunNanos >= SECOND_NANOS) {
      begunNanos = now;
      lines = 0;
    }
    if (lines == LINES) {
      omitted++;
      return OptionalInt.empty();
    }
    lines++;
    int before = omitted;
    omitted = 0;
    return OptionalInt.of(before);
  }
}
