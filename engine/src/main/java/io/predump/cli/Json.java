package io.predump.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.core.util.Separators;
import io.predump.engine.FreezeRecord;
import io.predump.engine.RunBounds;
import io.predump.engine.RunResult;
import io.predump.engine.VerifyResult;
import io.predump.images.RoundRecord;
import java.io.IOException;
import java.io.PrintStream;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.OptionalLong;

/**
 * The JSON of the command line. Field names are the component names of the records, so that the
 * Javadoc of a record documents its JSON; units stand in the names. Addresses are strings in
 * hexadecimal: a JSON number cannot hold all of them.
 */
final class Json {
  private static final JsonFactory FACTORY = new JsonFactory();

  private Json() {}

  /** Writes the fields of an object. */
  @FunctionalInterface
  interface Fields {
    void write(JsonGenerator json) throws IOException;
  }

  /** Prints one object and a line end. */
  static void print(PrintStream out, Fields fields) {
    out.println(object(fields));
    out.flush();
  }

  /** {@return one object as text} */
  static String object(Fields fields) {
    StringWriter text = new StringWriter();
    try (JsonGenerator json = FACTORY.createGenerator(text)) {
      Separators separators =
          Separators.createDefaultInstance().withObjectFieldValueSpacing(Separators.Spacing.AFTER);
      DefaultIndenter indenter = new DefaultIndenter("  ", "\n");
      json.setPrettyPrinter(
          new DefaultPrettyPrinter(separators)
              .withObjectIndenter(indenter)
              .withArrayIndenter(indenter));
      json.writeStartObject();
      fields.write(json);
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return text.toString();
  }

  /** Writes {@code imagesDir}, {@code tracker} and all of a run. */
  static void run(JsonGenerator json, String imagesDir, String tracker, RunResult result)
      throws IOException {
    json.writeStringField("imagesDir", imagesDir);
    json.writeStringField("tracker", tracker);
    json.writeNumberField("stoppedMicros", result.stoppedMicros());
    json.writeArrayFieldStart("rounds");
    for (RoundRecord r : result.rounds()) {
      json.writeStartObject();
      round(json, r);
      json.writeEndObject();
    }
    json.writeEndArray();
    json.writeStringField("stopReason", result.stopReason().name());
    json.writeFieldName("freeze");
    if (result.freeze().isPresent()) {
      freeze(json, result.freeze().get());
    } else {
      json.writeNull();
    }
    json.writeFieldName("verify");
    if (result.verify().isPresent()) {
      verify(json, result.verify().get());
    } else {
      json.writeNull();
    }
    bounds(json, result.bounds());
    strings(json, "warnings", result.warnings());
    strings(json, "notVerified", result.notVerified());
  }

  /** Writes the fields of a round into an object begun by the caller. */
  static void round(JsonGenerator json, RoundRecord r) throws IOException {
    json.writeNumberField("round", r.round());
    json.writeNumberField("scanMicros", r.scanMicros());
    json.writeNumberField("armMicros", r.armMicros());
    json.writeNumberField("readMicros", r.readMicros());
    json.writeNumberField("compressMicros", r.compressMicros());
    json.writeNumberField("writeMicros", r.writeMicros());
    json.writeNumberField("syncMicros", r.syncMicros());
    json.writeNumberField("frozenMicros", r.frozenMicros());
    json.writeNumberField("totalMicros", r.totalMicros());
    json.writeObjectFieldStart("vmas");
    json.writeNumberField("total", r.vmas().total());
    json.writeNumberField("new", r.vmas().newCount());
    json.writeNumberField("gone", r.vmas().gone());
    json.writeNumberField("skipped", r.vmas().skipped());
    json.writeEndObject();
    json.writeObjectFieldStart("pages");
    json.writeNumberField("scanned", r.pages().scanned());
    json.writeNumberField("written", r.pages().written());
    json.writeNumberField("zero", r.pages().zero());
    json.writeNumberField("same", r.pages().same());
    json.writeNumberField("deferred", r.pages().deferred());
    json.writeNumberField("owed", r.pages().owed());
    json.writeNumberField("stored", r.pages().stored());
    json.writeNumberField("parent", r.pages().parent());
    json.writeEndObject();
    json.writeObjectFieldStart("bytes");
    json.writeNumberField("read", r.bytes().read());
    json.writeNumberField("stored", r.bytes().stored());
    json.writeEndObject();
    json.writeNumberField("ratio", Math.round(r.ratio() * 1000) / 1000.0);
    json.writeObjectFieldStart("dirtyRate");
    json.writeNumberField("bytesPerSecond", r.dirtyRate().bytesPerSecond());
    json.writeNumberField("windowMillis", r.dirtyRate().windowMillis());
    json.writeEndObject();
    json.writeNumberField("predictedDowntimeMicros", r.predictedDowntimeMicros());
    json.writeNumberField("floorMicros", r.floorMicros());
    json.writeStringField("stopReason", r.stopReason());
  }

  /** Bounds that were not set are null. */
  private static void bounds(JsonGenerator json, RunBounds b) throws IOException {
    json.writeObjectFieldStart("bounds");
    number(json, "byteBudget", b.byteBudget());
    number(json, "bytesPerSecond", b.bytesPerSecond());
    number(
        json,
        "cpuPercent",
        b.cpuPercent().isPresent()
            ? OptionalLong.of(b.cpuPercent().getAsInt())
            : OptionalLong.empty());
    json.writeBooleanField("paced", b.paced());
    json.writeNumberField("waitedMicros", b.waitedMicros());
    number(json, "rpoMicros", b.rpoMicros());
    number(json, "oldestMicros", b.oldestMicros());
    json.writeEndObject();
  }

  private static void number(JsonGenerator json, String name, OptionalLong value)
      throws IOException {
    json.writeFieldName(name);
    if (value.isPresent()) {
      json.writeNumber(value.getAsLong());
    } else {
      json.writeNull();
    }
  }

  private static void freeze(JsonGenerator json, FreezeRecord f) throws IOException {
    json.writeStartObject();
    json.writeStringField("method", f.method());
    json.writeNumberField("threadCount", f.threadCount());
    json.writeNumberField("stopMicros", f.stopMicros());
    json.writeNumberField("scanMicros", f.scanMicros());
    json.writeNumberField("readMicros", f.readMicros());
    json.writeNumberField("checkMicros", f.checkMicros());
    json.writeNumberField("frozenMicros", f.frozenMicros());
    json.writeNumberField("pageCount", f.pageCount());
    json.writeNumberField("readBytes", f.readBytes());
    json.writeNumberField("writtenFrozenBytes", f.writtenFrozenBytes());
    json.writeEndObject();
  }

  /** Writes a comparison as the value of a field begun by the caller. */
  static void verify(JsonGenerator json, VerifyResult v) throws IOException {
    json.writeStartObject();
    json.writeNumberField("compared", v.compared());
    json.writeNumberField("equal", v.equal());
    json.writeNumberField("different", v.different());
    json.writeArrayFieldStart("firstDifferences");
    for (VerifyResult.Difference d : v.firstDifferences()) {
      json.writeStartObject();
      json.writeStringField("address", Units.address(d.address()));
      json.writeStringField("vma", d.vma());
      json.writeNumberField("round", d.round());
      json.writeStringField("kind", d.kind().name());
      json.writeEndObject();
    }
    json.writeEndArray();
    json.writeNumberField("verifyFrozenMicros", v.verifyFrozenMicros());
    json.writeEndObject();
  }

  /** Writes an array of strings. */
  static void strings(JsonGenerator json, String name, List<String> values) throws IOException {
    json.writeArrayFieldStart(name);
    for (String value : values) {
      json.writeString(value);
    }
    json.writeEndArray();
  }
}
