package io.predump.daemon;

import io.predump.engine.FreezeRecord;
import io.predump.images.RoundRecord;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;

/**
 * Counts what sessions do, and writes it as Prometheus text, version 0.0.4. Counters are sums over
 * all sessions since the start; what has a {@code session} label is there while the session is. A
 * label holds nothing that a stranger chose.
 */
public final class Metrics implements SessionObserver {
  /** The content type of {@link #text}. */
  public static final String CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

  private static final long[] FROZEN_MICROS = {
    500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 5_000_000
  };

  private final LongAdder rounds = new LongAdder();
  private final LongAdder readBytes = new LongAdder();
  private final LongAdder storedBytes = new LongAdder();
  private final LongAdder writtenPages = new LongAdder();
  private final LongAdder zeroPages = new LongAdder();
  private final LongAdder samePages = new LongAdder();
  private final LongAdder roundMicros = new LongAdder();
  private final LongAdder attached = new LongAdder();
  private final LongAdder[] frozen = new LongAdder[FROZEN_MICROS.length + 1];
  private final LongAdder frozenMicros = new LongAdder();
  private final Map<ErrorCode, LongAdder> errors = byCode();
  private final Map<ErrorCode, LongAdder> failedRequests = byCode();
  private final Map<String, Gauges> sessions = new ConcurrentHashMap<>();

  private record Gauges(
      long dirtyBytesPerSecond, long predictedMicros, long actualMicros, long owedPages) {}

  /** All zero. */
  public Metrics() {
    for (int i = 0; i < frozen.length; i++) {
      frozen[i] = new LongAdder();
    }
  }

  private static Map<ErrorCode, LongAdder> byCode() {
    Map<ErrorCode, LongAdder> counts = new EnumMap<>(ErrorCode.class);
    for (ErrorCode code : ErrorCode.values()) {
      counts.put(code, new LongAdder());
    }
    return counts;
  }

  @Override
  public SessionWatcher watch(ManagedSession session) {
    return new Counting(session.id());
  }

  @Override
  public void requestFailed(Failure failure) {
    count(failedRequests, failure.code());
  }

  private static void count(Map<ErrorCode, LongAdder> counts, ErrorCode code) {
    Objects.requireNonNull(counts.get(code)).increment();
  }

  private final class Counting implements SessionWatcher {
    private final String session;

    Counting(String session) {
      this.session = session;
    }

    @Override
    public void attached(String description) {
      attached.increment();
      sessions.put(session, new Gauges(0, 0, 0, 0));
    }

    @Override
    public void roundFinished(RoundRecord r) {
      rounds.increment();
      readBytes.add(r.bytes().read());
      storedBytes.add(r.bytes().stored());
      writtenPages.add(r.pages().written());
      zeroPages.add(r.pages().zero());
      samePages.add(r.pages().same());
      roundMicros.add(r.totalMicros());
      sessions.computeIfPresent(
          session,
          (id, before) ->
              new Gauges(
                  r.dirtyRate().bytesPerSecond(),
                  r.predictedDowntimeMicros() > 0
                      ? r.predictedDowntimeMicros()
                      : before.predictedMicros,
                  before.actualMicros,
                  r.pages().owed()));
    }

    @Override
    public void thawed(FreezeRecord freeze) {
      long micros = freeze.frozenMicros();
      int bucket = 0;
      while (bucket < FROZEN_MICROS.length && micros > FROZEN_MICROS[bucket]) {
        bucket++;
      }
      frozen[bucket].increment();
      frozenMicros.add(micros);
      sessions.computeIfPresent(
          session,
          (id, before) ->
              new Gauges(
                  before.dirtyBytesPerSecond, before.predictedMicros, micros, before.owedPages));
    }

    @Override
    public void failed(Failure failure) {
      count(errors, failure.code());
    }

    @Override
    public void detached(String why) {
      sessions.remove(session);
    }
  }

  /** {@return everything, as a scraper reads it} */
  public String text() {
    StringBuilder text = new StringBuilder();
    gauge(text, "predump_sessions", "Sessions that track a process tree.", sessions.size());
    counter(text, "predump_attached_total", "Sessions begun.", attached);
    counter(text, "predump_rounds_total", "Rounds committed, final ones included.", rounds);
    counter(text, "predump_read_bytes_total", "Bytes read from targets.", readBytes);
    counter(text, "predump_stored_bytes_total", "Bytes of compressed frames.", storedBytes);
    counter(text, "predump_written_pages_total", "Pages that were written.", writtenPages);
    counter(text, "predump_zero_pages_total", "Written pages that were zero.", zeroPages);
    counter(text, "predump_same_pages_total", "Written pages with equal bytes.", samePages);
    counter(text, "predump_round_microseconds_total", "Time that rounds took.", roundMicros);
    histogram(text);
    byCode(text, "predump_errors_total", "What a session did that failed, by code.", errors);
    byCode(
        text,
        "predump_request_failures_total",
        "Requests that were answered with a failure of ours, on either socket, by code.",
        failedRequests);
    perSession(text);
    return text.toString();
  }

  private static void byCode(
      StringBuilder text, String name, String help, Map<ErrorCode, LongAdder> counts) {
    head(text, name, help, "counter");
    counts.forEach(
        (code, count) ->
            text.append(name)
                .append("{code=\"")
                .append(code.name().toLowerCase(Locale.ROOT))
                .append("\"} ")
                .append(count.sum())
                .append('\n'));
  }

  private void perSession(StringBuilder text) {
    Map<String, Gauges> now = Map.copyOf(sessions);
    head(text, "predump_dirty_bytes_per_second", "Written since the last round.", "gauge");
    now.forEach((s, g) -> line(text, "predump_dirty_bytes_per_second", s, g.dirtyBytesPerSecond));
    head(text, "predump_predicted_downtime_microseconds", "If frozen now.", "gauge");
    now.forEach(
        (s, g) -> line(text, "predump_predicted_downtime_microseconds", s, g.predictedMicros));
    head(text, "predump_actual_downtime_microseconds", "Of the last freeze.", "gauge");
    now.forEach((s, g) -> line(text, "predump_actual_downtime_microseconds", s, g.actualMicros));
    head(text, "predump_owed_pages", "Pages whose newest bytes are in no round.", "gauge");
    now.forEach((s, g) -> line(text, "predump_owed_pages", s, g.owedPages));
  }

  private void histogram(StringBuilder text) {
    head(text, "predump_frozen_microseconds", "Final freezes.", "histogram");
    long sum = 0;
    for (int i = 0; i < frozen.length; i++) {
      sum += frozen[i].sum();
      String bound = i < FROZEN_MICROS.length ? Long.toString(FROZEN_MICROS[i]) : "+Inf";
      text.append("predump_frozen_microseconds_bucket{le=\"")
          .append(bound)
          .append("\"} ")
          .append(sum)
          .append('\n');
    }
    text.append("predump_frozen_microseconds_sum ").append(frozenMicros.sum()).append('\n');
    text.append("predump_frozen_microseconds_count ").append(sum).append('\n');
  }

  private static void line(StringBuilder text, String name, String session, long value) {
    text.append(name).append("{session=\"").append(session).append("\"} ").append(value);
    text.append('\n');
  }

  private static void gauge(StringBuilder text, String name, String help, long value) {
    head(text, name, help, "gauge");
    text.append(name).append(' ').append(value).append('\n');
  }

  private static void counter(StringBuilder text, String name, String help, LongAdder value) {
    head(text, name, help, "counter");
    text.append(name).append(' ').append(value.sum()).append('\n');
  }

  private static void head(StringBuilder text, String name, String help, String type) {
    text.append("# HELP ").append(name).append(' ').append(help).append('\n');
    text.append("# TYPE ").append(name).append(' ').append(type).append('\n');
  }
}
