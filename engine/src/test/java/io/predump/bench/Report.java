package io.predump.bench;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What was measured, as a table for people and as JSON for machines. */
final class Report {
  private static final String[] HEAD = {"", "ours", "floor", "ratio", "goal", ""};

  private final List<String[]> rows = new ArrayList<>(List.<String[]>of(HEAD));
  private final List<Map<String, Object>> lines = new ArrayList<>();

  /** How a line compares with its goal. */
  enum Verdict {
    PASS,
    SHORT,
    NONE;

    static Verdict of(boolean reached) {
      return reached ? PASS : SHORT;
    }

    String word() {
      return this == NONE ? "" : name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * Adds a line.
   *
   * @param values for the JSON, each key with its unit
   */
  void line(
      String name,
      String ours,
      String floor,
      String ratio,
      String goal,
      Verdict verdict,
      Map<String, Object> values) {
    rows.add(new String[] {name, ours, floor, ratio, goal, verdict.word()});
    Map<String, Object> line = new java.util.LinkedHashMap<>();
    line.put("line", name);
    line.putAll(values);
    if (verdict != Verdict.NONE) {
      line.put("goal", goal);
      line.put("verdict", verdict.word());
    }
    lines.add(line);
  }

  /** {@return the table} */
  String table() {
    int[] widths = new int[HEAD.length];
    for (String[] row : rows) {
      for (int i = 0; i < row.length; i++) {
        widths[i] = Math.max(widths[i], row[i].length());
      }
    }
    StringBuilder table = new StringBuilder();
    for (String[] row : rows) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < row.length; i++) {
        String padding = " ".repeat(widths[i] - row[i].length());
        boolean left = i == 0 || i == row.length - 1;
        line.append(left ? row[i] + padding : padding + row[i]).append("  ");
      }
      table.append(line.toString().stripTrailing()).append('\n');
    }
    return table.toString();
  }

  /** Writes one JSON object; {@code facts} come first. */
  void json(OutputStream out, Map<String, Object> facts) throws IOException {
    try (JsonGenerator json = new JsonFactory().createGenerator(out)) {
      json.disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET);
      json.useDefaultPrettyPrinter();
      json.writeStartObject();
      for (Map.Entry<String, Object> fact : facts.entrySet()) {
        json.writeFieldName(fact.getKey());
        write(json, fact.getValue());
      }
      json.writeFieldName("lines");
      write(json, lines);
      json.writeEndObject();
      json.writeRaw('\n');
    }
  }

  private static void write(JsonGenerator json, Object value) throws IOException {
    if (value instanceof Map<?, ?> map) {
      json.writeStartObject();
      for (Map.Entry<?, ?> e : map.entrySet()) {
        json.writeFieldName(String.valueOf(e.getKey()));
        write(json, e.getValue());
      }
      json.writeEndObject();
    } else if (value instanceof Samples samples) {
      write(json, samples.values());
    } else if (value instanceof List<?> list) {
      json.writeStartArray();
      for (Object element : list) {
        write(json, element);
      }
      json.writeEndArray();
    } else if (value instanceof Double number) {
      json.writeNumber(Math.round(number * 10000) / 10000.0);
    } else if (value instanceof Number number) {
      json.writeNumber(number.longValue());
    } else {
      json.writeString(String.valueOf(value));
    }
  }
}
