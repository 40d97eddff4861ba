package io.predump.cli;

import io.predump.cli.Table.Column;
import io.predump.images.RoundRecord;
import java.util.List;

/** The rounds of one run as a table, and one round as a line of text. */
final class RoundTable {
  /** Wide enough for what rounds usually show: the header is printed before the first of them. */
  static final Table TABLE =
      new Table(
          List.of(
              Column.number("round", ""),
              Column.number("written", "pages", "1,234,567"),
              Column.number("zero", "pages", "123,456"),
              Column.number("same", "pages", "123,456"),
              Column.number("stored", "bytes", "123.4 MiB"),
              Column.number("ratio", "", "12.34"),
              Column.number("scan", "time", "12.3 ms"),
              Column.number("read", "time", "12.3 ms"),
              Column.number("compress", "time", "123.4 ms"),
              Column.number("write", "time", "12.3 ms"),
              Column.number("dirty", "rate", "123.4 MiB/s"),
              Column.number("predicted", "downtime", "12.3 ms"),
              Column.number("frozen", "time", "12.3 ms")));

  private RoundTable() {}

  /** {@return the round's cells} */
  static List<String> cells(RoundRecord r) {
    return List.of(
        Integer.toString(r.round()),
        Units.count(r.pages().written()),
        Units.count(r.pages().zero()),
        Units.count(r.pages().same()),
        Units.bytes(r.bytes().stored()),
        Units.ratio(r.ratio()),
        Units.micros(r.scanMicros()),
        Units.micros(r.readMicros()),
        Units.micros(r.compressMicros()),
        Units.micros(r.writeMicros()),
        dirtyRate(r),
        predictedDowntime(r),
        r.frozenMicros() == 0 ? Units.NOTHING : Units.micros(r.frozenMicros()));
  }

  /** 0: there is nothing to predict from yet. */
  private static String predictedDowntime(RoundRecord r) {
    return r.predictedDowntimeMicros() > 0
        ? Units.micros(r.predictedDowntimeMicros())
        : Units.NOTHING;
  }

  private static String dirtyRate(RoundRecord r) {
    return r.dirtyRate().windowMillis() == 0
        ? Units.NOTHING
        : Units.rate(r.dirtyRate().bytesPerSecond());
  }

  /** {@return the table of all rounds} */
  static String render(List<RoundRecord> rounds) {
    return TABLE.render(rounds.stream().map(RoundTable::cells).toList());
  }

  /** {@return the round in words, without a line end} */
  static String sentence(RoundRecord r) {
    StringBuilder text = new StringBuilder();
    text.append("round ").append(r.round()).append(": ");
    text.append(Units.count(r.pages().written(), "page")).append(" written");
    text.append(", ").append(Units.count(r.pages().zero())).append(" zero");
    text.append(", ").append(Units.count(r.pages().same())).append(" same");
    text.append(", ").append(Units.bytes(r.bytes().stored())).append(" stored");
    text.append(" (ratio ").append(Units.ratio(r.ratio())).append(")");
    text.append(", scan ").append(Units.micros(r.scanMicros()));
    text.append(", read ").append(Units.micros(r.readMicros()));
    text.append(", compress ").append(Units.micros(r.compressMicros()));
    text.append(", write ").append(Units.micros(r.writeMicros()));
    if (r.dirtyRate().windowMillis() > 0) {
      text.append(", dirty rate ").append(Units.rate(r.dirtyRate().bytesPerSecond()));
      text.append(" over ").append(Units.micros(r.dirtyRate().windowMillis() * 1000));
    }
    if (r.frozenMicros() == 0 || r.predictedDowntimeMicros() > 0) {
      text.append(", predicted downtime ").append(predictedDowntime(r));
    }
    if (r.frozenMicros() > 0) {
      text.append(", frozen ").append(Units.micros(r.frozenMicros()));
    }
    return text.toString();
  }
}
