package io.predump.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import io.predump.cli.Table.Column;
import io.predump.engine.StopReason;
import io.predump.images.ImageChain;
import io.predump.images.Manifest;
import io.predump.images.PagesName;
import io.predump.images.RoundImages;
import io.predump.images.RoundRecord;
import io.predump.images.VmaRecord;
import io.predump.linux.AddressRange;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What an images directory holds.
 *
 * @param imagesDir the directory
 * @param rounds the manifests, oldest first
 * @param vmas VMAs of the newest round, absent if not asked for
 * @param runs pages of the newest round, absent if not asked for
 */
record ShowReport(
    Path imagesDir,
    List<Manifest> rounds,
    Optional<List<HeldVma>> vmas,
    Optional<List<HeldRun>> runs) {
  private static final Table ROUNDS =
      new Table(
          List.of(
              Column.number("round", ""),
              Column.text("kind"),
              Column.text("created"),
              Column.number("written", "pages"),
              Column.number("stored", "pages"),
              Column.number("parent", "pages"),
              Column.number("stored", "bytes"),
              Column.number("ratio", ""),
              Column.number("total", "time"),
              Column.number("frozen", "time"),
              Column.text("stopped because")));
  private static final Table VMAS =
      new Table(
          List.of(
              Column.number("pid", ""),
              Column.text("range"),
              Column.text("policy"),
              Column.number("held", "pages"),
              Column.text("reason"),
              Column.text("name")));
  private static final Table RUNS =
      new Table(
          List.of(
              Column.text("of"),
              Column.text("address"),
              Column.number("pages", ""),
              Column.number("round", "")));

  ShowReport {
    rounds = List.copyOf(rounds);
  }

  /**
   * One VMA.
   *
   * @param vma what was done with it
   * @param heldPages pages the chain holds of it
   */
  record HeldVma(VmaRecord vma, long heldPages) {}

  /**
   * Neighbouring pages in one round.
   *
   * @param name whose pages
   * @param start first byte address, or offset in shared memory
   * @param pageCount number of pages
   * @param round the round that stores them
   */
  record HeldRun(PagesName name, long start, long pageCount, int round) {}

  /** Reads all manifests, and of the newest round what is asked for. */
  static ShowReport read(Path imagesDir, boolean withVmas, boolean withRuns) throws IOException {
    List<Manifest> manifests = new ArrayList<>();
    Optional<List<HeldVma>> vmas = Optional.empty();
    Optional<List<HeldRun>> runs = Optional.empty();
    try (ImageChain newest = ImageChain.open(imagesDir)) {
      newest.rounds().forEach(r -> manifests.add(r.manifest()));
      if (withVmas) {
        vmas = Optional.of(HeldPages.vmas(newest));
      }
      if (withRuns) {
        runs = Optional.of(HeldPages.runs(newest));
      }
    }
    // a run into the same directory begins with a full round, and leaves those before alone
    while (manifests.get(0).round() > 1) {
      try (ImageChain older = ImageChain.open(imagesDir, manifests.get(0).round() - 1)) {
        manifests.addAll(0, older.rounds().stream().map(RoundImages::manifest).toList());
      }
    }
    return new ShowReport(imagesDir, manifests, vmas, runs);
  }

  static String kind(Manifest m) {
    if (m.finalFreeze()) {
      return "final";
    }
    return m.parent().isEmpty() ? "full" : "increment";
  }

  String text() {
    StringBuilder text = new StringBuilder();
    Manifest newest = rounds.get(rounds.size() - 1);
    text.append(imagesDir).append(": ").append(Units.count(rounds.size(), "round"));
    newest.processes().stream()
        .findFirst()
        .ifPresent(
            p -> text.append(" of pid ").append(p.pid()).append(" (").append(p.name()).append(")"));
    text.append(", tracker ").append(newest.tracker());
    text.append(", Linux ").append(newest.kernelRelease()).append("\n\n");
    text.append(ROUNDS.render(rounds.stream().map(ShowReport::cells).toList()));
    newest
        .criu()
        .ifPresent(
            c ->
                text.append("round ")
                    .append(newest.round())
                    .append(" is a whole checkpoint by criu ")
                    .append(c.version())
                    .append(" (")
                    .append(c.mode().label())
                    .append("): predump restore\n"));
    newest.warnings().forEach(w -> text.append("warning: ").append(w).append('\n'));
    newest.notVerified().forEach(w -> text.append("not verified: ").append(w).append('\n'));
    if (newest.owedPages() > 0) {
      text.append("warning: the newest round owes ");
      text.append(Units.count(newest.owedPages(), "page"));
      text.append(": the chain is stale for them\n");
    }
    vmas.ifPresent(
        list ->
            text.append('\n').append(VMAS.render(list.stream().map(ShowReport::cells).toList())));
    runs.ifPresent(
        list ->
            text.append('\n').append(RUNS.render(list.stream().map(ShowReport::cells).toList())));
    return text.toString();
  }

  private static List<String> cells(Manifest m) {
    RoundRecord r = m.record();
    return List.of(
        Integer.toString(m.round()),
        kind(m),
        Units.instant(m.createdUnixMillis()),
        Units.count(r.pages().written()),
        Units.count(r.pages().stored()),
        Units.count(r.pages().parent()),
        Units.bytes(r.bytes().stored()),
        Units.ratio(r.ratio()),
        Units.micros(r.totalMicros()),
        r.frozenMicros() == 0 ? Units.NOTHING : Units.micros(r.frozenMicros()),
        stopReason(r.stopReason()));
  }

  /** A newer program may have had reasons we do not know. */
  private static String stopReason(String name) {
    for (StopReason reason : StopReason.values()) {
      if (reason.name().equals(name)) {
        return reason.sentence();
      }
    }
    return name;
  }

  private static List<String> cells(HeldVma held) {
    VmaRecord v = held.vma();
    return List.of(
        Integer.toString(v.pid()),
        AddressRange.toString(v.start(), v.end()),
        v.policy().name(),
        Units.count(held.heldPages()),
        v.reason(),
        v.name());
  }

  private static List<String> cells(HeldRun run) {
    return List.of(
        run.name().toString(),
        Units.address(run.start()),
        Units.count(run.pageCount()),
        Integer.toString(run.round()));
  }

  void json(JsonGenerator json) throws IOException {
    json.writeStringField("imagesDir", imagesDir.toString());
    objects(json, "rounds", rounds, ShowReport::json);
    if (vmas.isPresent()) {
      objects(json, "vmas", vmas.get(), ShowReport::json);
    }
    if (runs.isPresent()) {
      objects(json, "pages", runs.get(), ShowReport::json);
    }
  }

  private static void json(JsonGenerator json, Manifest m) throws IOException {
    json.writeStringField("kind", kind(m));
    json.writeNumberField("createdUnixMillis", m.createdUnixMillis());
    json.writeStringField("tracker", m.tracker());
    json.writeNumberField("owedPages", m.owedPages());
    Json.round(json, m.record());
    Json.strings(json, "warnings", m.warnings());
    Json.strings(json, "notVerified", m.notVerified());
    if (m.criu().isPresent()) {
      json.writeObjectFieldStart("criu");
      json.writeStringField("version", m.criu().get().version());
      json.writeStringField("mode", m.criu().get().mode().label());
      json.writeEndObject();
    }
  }

  private static void json(JsonGenerator json, HeldVma held) throws IOException {
    json.writeNumberField("pid", held.vma().pid());
    json.writeStringField("start", Units.address(held.vma().start()));
    json.writeStringField("end", Units.address(held.vma().end()));
    json.writeStringField("policy", held.vma().policy().name());
    json.writeStringField("reason", held.vma().reason());
    json.writeStringField("name", held.vma().name());
    json.writeNumberField("heldPages", held.heldPages());
  }

  private static void json(JsonGenerator json, HeldRun run) throws IOException {
    json.writeStringField("pagemap", run.name().toString());
    json.writeStringField("start", Units.address(run.start()));
    json.writeNumberField("pageCount", run.pageCount());
    json.writeNumberField("round", run.round());
  }

  /** Writes the fields of one object. */
  @FunctionalInterface
  private interface FieldsOf<T> {
    void write(JsonGenerator json, T value) throws IOException;
  }

  private static <T> void objects(
      JsonGenerator json, String name, List<T> values, FieldsOf<T> fields) throws IOException {
    json.writeArrayFieldStart(name);
    for (T value : values) {
      json.writeStartObject();
      fields.write(json, value);
      json.writeEndObject();
    }
    json.writeEndArray();
  }
}
