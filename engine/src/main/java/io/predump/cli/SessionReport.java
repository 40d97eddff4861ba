package io.predump.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import io.predump.cli.Table.Column;
import io.predump.daemon.SessionStatus;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;

/** A daemon's sessions, in words and as JSON. */
final class SessionReport {
  private static final Table TABLE =
      new Table(
          List.of(
              Column.text("session"),
              Column.text("name"),
              Column.number("pid", ""),
              Column.text("process"),
              Column.text("state"),
              Column.number("rounds", ""),
              Column.number("idle", ""),
              Column.text("images")));

  private SessionReport() {}

  /** {@return one line, without its end} */
  static String attached(SessionStatus s) {
    return "session "
        + s.id()
        + s.name().map(name -> " (" + name + ")").orElse("")
        + ": pid="
        + s.pid()
        + " ("
        + printable(s.processName())
        + "), images in "
        + s.imagesDir()
        + (s.stoppedMicros() == 0
            ? ""
            : ", one thread stopped for " + Units.micros(s.stoppedMicros()));
  }

  /** {@return whole lines} */
  static String text(SessionStatus s) {
    StringBuilder text = new StringBuilder(attached(s)).append('\n');
    text.append("state: ").append(s.state().name().toLowerCase(Locale.ROOT));
    s.ended().ifPresent(how -> text.append(", ").append(how.sentence()));
    text.append("; ").append(Units.count(s.rounds(), "round"));
    text.append(", idle for ").append(Units.micros(s.idleMillis() * 1000)).append('\n');
    text.append("tracker: ").append(s.tracker()).append('\n');
    s.last().ifPresent(last -> text.append(RoundTable.sentence(last)).append('\n'));
    if (s.oldestMicros().isPresent() && s.rpoMicros().isPresent()) {
      text.append("the newest round was never older than ")
          .append(Units.micros(s.oldestMicros().getAsLong()))
          .append(" (rpo ")
          .append(Units.micros(s.rpoMicros().getAsLong()))
          .append(")\n");
    }
    s.failure().ifPresent(why -> text.append("its last job failed: ").append(why).append('\n'));
    s.warnings().forEach(w -> text.append("warning: ").append(w).append('\n'));
    s.notVerified().forEach(w -> text.append("not verified: ").append(w).append('\n'));
    return text.toString();
  }

  static String table(List<SessionStatus> sessions) {
    return TABLE.render(
        sessions.stream()
            .map(
                s ->
                    List.of(
                        s.id(),
                        s.name().orElse(Units.NOTHING),
                        s.pid().toString(),
                        printable(s.processName()),
                        s.state().name().toLowerCase(Locale.ROOT),
                        Units.count(s.rounds()),
                        Units.micros(s.idleMillis() * 1000),
                        s.imagesDir().toString()))
            .toList());
  }

  /** A process chooses its name: no control characters go to a terminal. */
  private static String printable(String name) {
    return name.replaceAll("\\p{Cntrl}", "?");
  }

  /** {@return the exit code of a command that shows it} */
  static int exitCode(SessionStatus s) {
    return s.ended().isPresent() ? ExitCodes.TARGET_GONE : ExitCodes.DONE;
  }

  static void json(JsonGenerator json, List<SessionStatus> sessions) throws IOException {
    json.writeArrayFieldStart("sessions");
    for (SessionStatus session : sessions) {
      json.writeStartObject();
      json(json, session);
      json.writeEndObject();
    }
    json.writeEndArray();
  }

  static void json(JsonGenerator json, SessionStatus s) throws IOException {
    json.writeStringField("session", s.id());
    text(json, "name", s.name().orElse(""));
    json.writeNumberField("pid", s.pid().number());
    json.writeStringField("processName", s.processName());
    json.writeNumberField("uid", s.uid());
    json.writeStringField("imagesDir", s.imagesDir().toString());
    json.writeStringField("state", s.state().name());
    json.writeStringField("tracker", s.tracker());
    json.writeNumberField("rounds", s.rounds());
    json.writeFieldName("last");
    if (s.last().isPresent()) {
      json.writeStartObject();
      Json.round(json, s.last().get());
      json.writeEndObject();
    } else {
      json.writeNull();
    }
    json.writeNumberField("stoppedMicros", s.stoppedMicros());
    json.writeNumberField("attachedUnixMillis", s.attachedUnixMillis());
    json.writeNumberField("idleMillis", s.idleMillis());
    number(json, "rpoMicros", s.rpoMicros());
    number(json, "oldestMicros", s.oldestMicros());
    text(json, "ended", s.ended().map(Enum::name).orElse(""));
    text(json, "failure", s.failure().orElse(""));
    Json.strings(json, "warnings", s.warnings());
    Json.strings(json, "notVerified", s.notVerified());
  }

  /** What there is not is null. */
  private static void text(JsonGenerator json, String field, String value) throws IOException {
    json.writeFieldName(field);
    if (value.isEmpty()) {
      json.writeNull();
    } else {
      json.writeString(value);
    }
  }

  private static void number(JsonGenerator json, String field, OptionalLong value)
      throws IOException {
    json.writeFieldName(field);
    if (value.isPresent()) {
      json.writeNumber(value.getAsLong());
    } else {
      json.writeNull();
    }
  }
}
