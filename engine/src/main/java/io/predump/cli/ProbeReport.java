package io.predump.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import io.predump.cli.Table.Column;
import io.predump.engine.ProbeResult;
import io.predump.engine.ProbeResult.Outlook;
import io.predump.engine.ProbeResult.VmaHeat;
import io.predump.engine.StopReason;
import io.predump.engine.WriteCurve;
import java.io.IOException;
import java.util.List;
import java.util.Locale;

/** What a probe found, in words and as JSON. */
final class ProbeReport {
  private static final int SHOWN = 10;
  private static final Table WINDOWS =
      new Table(
          List.of(
              Column.number("window", ""),
              Column.number("written", ""),
              Column.number("rate in it", "")));
  private static final Table HEAT =
      new Table(
          List.of(
              Column.number("pid", ""),
              Column.number("written", ""),
              Column.number("size", ""),
              Column.text("mapping")));

  private ProbeReport() {}

  static String text(ProbeResult result) {
    StringBuilder text = new StringBuilder();
    text.append("in memory: ").append(Units.bytes(result.memoryBytes()));
    if (result.comparedBytes() > 0) {
      text.append(", of which ").append(Units.bytes(result.comparedBytes()));
      text.append(" are read in every round and in the freeze");
    }
    text.append("\n\n");
    text.append(WINDOWS.render(result.windows().stream().map(ProbeReport::cells).toList()));
    WriteCurve curve = result.curve();
    text.append('\n').append("written within t: ").append(Units.bytes((long) curve.hotBytes()));
    text.append(
        String.format(
            Locale.ROOT, " x (1 - e^(-t/%.2f s)) + ", Math.max(0.005, curve.tauSeconds())));
    text.append(Units.rate((long) curve.driftBytesPerSecond())).append(" x t\n");
    if (!result.heat().isEmpty()) {
      text.append("\nmost written in ").append(result.heat().get(0).windowMillis()).append(" ms\n");
      text.append(
          HEAT.render(result.heat().stream().limit(SHOWN).map(ProbeReport::cells).toList()));
    }
    result.outlook().ifPresent(outlook -> text.append('\n').append(text(outlook)));
    if (result.frozenMicros() > 0) {
      text.append("frozen to be scanned: ").append(Units.micros(result.frozenMicros()));
      text.append(" in all\n");
    }
    result.ended().ifPresent(reason -> text.append(reason.sentence()).append('\n'));
    return text.toString();
  }

  private static String text(Outlook outlook) {
    return "forecast at "
        + Units.rate(outlook.throughputBytesPerSecond())
        + (outlook.throughputAssumed() ? " (assumed; --throughput tells better)" : "")
        + ": "
        + Units.count(outlook.rounds(), "live round")
        + ", "
        + Units.bytes(outlook.readBytes())
        + " read, then a freeze of "
        + Units.micros(outlook.freezeMicros())
        + " for "
        + Units.bytes(outlook.freezeBytes())
        + "; "
        + outlook.stopReason().map(StopReason::sentence).orElse("no rule would end the rounds")
        + '\n'
        + (outlook.reachesLimit()
            ? "a freeze of " + Units.micros(outlook.limitMicros()) + " can be reached, floor is "
            : "cannot reach a freeze of " + Units.micros(outlook.limitMicros()) + ", floor is ")
        + Units.micros(outlook.floorMicros())
        + " for "
        + Units.bytes(outlook.floorBytes())
        + '\n';
  }

  private static List<String> cells(WriteCurve.Window window) {
    return List.of(
        Units.micros((long) (window.seconds() * 1e6)),
        Units.bytes(window.writtenBytes()),
        Units.rate((long) window.bytesPerSecond()));
  }

  private static List<String> cells(VmaHeat heat) {
    return List.of(
        Integer.toString(heat.pid()),
        Units.bytes(heat.writtenBytes()),
        Units.bytes(heat.end() - heat.start()),
        range(heat) + (heat.name().isEmpty() ? "" : " " + heat.name()));
  }

  private static String range(VmaHeat heat) {
    return Long.toHexString(heat.start()) + "-" + Long.toHexString(heat.end());
  }

  static void json(JsonGenerator json, String tracker, ProbeResult result) throws IOException {
    json.writeStringField("tracker", tracker);
    json.writeNumberField("stoppedMicros", result.stoppedMicros());
    json.writeNumberField("frozenMicros", result.frozenMicros());
    json.writeNumberField("memoryBytes", result.memoryBytes());
    json.writeNumberField("comparedBytes", result.comparedBytes());
    json.writeArrayFieldStart("windows");
    for (WriteCurve.Window window : result.windows()) {
      json.writeStartObject();
      json.writeNumberField("windowMillis", Math.round(window.seconds() * 1000));
      json.writeNumberField("writtenBytes", window.writtenBytes());
      json.writeNumberField("bytesPerSecond", (long) window.bytesPerSecond());
      json.writeEndObject();
    }
    json.writeEndArray();
    json.writeObjectFieldStart("curve");
    json.writeNumberField("hotBytes", (long) result.curve().hotBytes());
    json.writeNumberField("tauMillis", Math.round(result.curve().tauSeconds() * 1000));
    json.writeNumberField("driftBytesPerSecond", (long) result.curve().driftBytesPerSecond());
    json.writeEndObject();
    json.writeArrayFieldStart("heat");
    for (VmaHeat heat : result.heat()) {
      json.writeStartObject();
      json.writeNumberField("pid", heat.pid());
      json.writeStringField("start", Units.address(heat.start()));
      json.writeStringField("end", Units.address(heat.end()));
      json.writeStringField("name", heat.name());
      json.writeNumberField("writtenBytes", heat.writtenBytes());
      json.writeNumberField("windowMillis", heat.windowMillis());
      json.writeEndObject();
    }
    json.writeEndArray();
    json.writeFieldName("forecast");
    if (result.outlook().isPresent()) {
      json(json, result.outlook().get());
    } else {
      json.writeNull();
    }
    json.writeStringField("ended", result.ended().map(Enum::name).orElse(""));
    Json.strings(json, "warnings", result.warnings());
  }

  private static void json(JsonGenerator json, Outlook outlook) throws IOException {
    json.writeStartObject();
    json.writeNumberField("throughputBytesPerSecond", outlook.throughputBytesPerSecond());
    json.writeBooleanField("throughputAssumed", outlook.throughputAssumed());
    json.writeNumberField("rounds", outlook.rounds());
    json.writeStringField("stopReason", outlook.stopReason().map(Enum::name).orElse(""));
    json.writeNumberField("readBytes", outlook.readBytes());
    json.writeNumberField("laterBytes", outlook.laterBytes());
    json.writeNumberField("freezeBytes", outlook.freezeBytes());
    json.writeNumberField("freezeMicros", outlook.freezeMicros());
    json.writeNumberField("floorBytes", outlook.floorBytes());
    json.writeNumberField("floorMicros", outlook.floorMicros());
    json.writeNumberField("limitMicros", outlook.limitMicros());
    json.writeBooleanField("reachesLimit", outlook.reachesLimit());
    json.writeEndObject();
  }
}
