package io.predump.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import io.predump.images.ChainDirectory;
import io.predump.images.ExportDirectory;
import io.predump.images.ImageChain;
import io.predump.images.RawImages;
import io.predump.images.RawImages.TakeOver;
import io.predump.images.RawSummary;
import io.predump.images.VmaFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What an export wrote.
 *
 * @param imagesDir what was exported
 * @param round the round
 * @param out where to
 * @param restorable the directory that {@code criu restore} takes as it is, absent if there is none
 * @param raw what raw images were made of, absent if none were
 * @param index what files of mappings were written, absent if none were
 * @param micros how long it took, all of it durable
 */
record ExportReport(
    Path imagesDir,
    int round,
    Path out,
    Optional<Path> restorable,
    Optional<RawSummary> raw,
    Optional<VmaFiles.Index> index,
    long micros) {
  private static final String INDEX = "index.json";

  /** Exports raw images. */
  static ExportReport criu(Path imagesDir, OptionalInt round, Path out, boolean keepChain)
      throws IOException {
    long begin = System.nanoTime();
    try (ImageChain chain = ImagesDir.open(imagesDir, round);
        ExportDirectory directory = ExportDirectory.create(out)) {
      RawImages images = RawImages.of(chain);
      RawSummary summary =
          keepChain
              ? images.writeChainTo(directory.path(), threads())
              : images.writeTo(directory.path(), threads(), TakeOver.COPY);
      directory.commit();
      return new ExportReport(
          imagesDir,
          chain.newest().number(),
          out,
          images
              .criu()
              .map(
                  c ->
                      keepChain
                          ? out.resolve(ChainDirectory.roundName(chain.newest().number()))
                          : out),
          Optional.of(summary),
          Optional.empty(),
          (System.nanoTime() - begin) / 1000);
    }
  }

  /** Exports a file for each mapping. */
  static ExportReport raw(Path imagesDir, OptionalInt round, Path out) throws IOException {
    long begin = System.nanoTime();
    try (ImageChain chain = ImagesDir.open(imagesDir, round);
        ExportDirectory directory = ExportDirectory.create(out)) {
      VmaFiles.Index index = VmaFiles.write(chain, directory.path(), threads());
      int number = chain.newest().number();
      Files.writeString(
          directory.path().resolve(INDEX),
          Json.object(json -> json(json, imagesDir, number, index)) + "\n");
      directory.commit();
      return new ExportReport(
          imagesDir,
          number,
          out,
          Optional.empty(),
          Optional.empty(),
          Optional.of(index),
          (System.nanoTime() - begin) / 1000);
    }
  }

  private static int threads() {
    return Runtime.getRuntime().availableProcessors();
  }

  String text() {
    StringBuilder text = new StringBuilder();
    text.append("exported:  round ").append(round).append(" of ").append(imagesDir);
    text.append(" to ").append(out).append('\n');
    raw.ifPresent(r -> text(text, r));
    index.ifPresent(
        i ->
            text.append("files:     ")
                .append(Units.count(files(i)))
                .append(", and ")
                .append(INDEX)
                .append("\npages:     ")
                .append(Units.count(i.heldPages()))
                .append('\n'));
    text.append("took:      ").append(Units.micros(micros)).append('\n');
    restorable.ifPresent(
        from -> text.append("restore:   criu restore -D ").append(from).append('\n'));
    return text.toString();
  }

  private static void text(StringBuilder text, RawSummary r) {
    text.append("rounds:    ").append(Units.count(r.rounds())).append('\n');
    text.append("processes: ").append(Units.count(r.processes())).append('\n');
    text.append("pages:     ").append(Units.count(r.chainPages())).append(" of the chain, ");
    text.append(Units.count(r.criuPages())).append(" of criu, ");
    text.append(Units.count(r.zeroPages())).append(" of zeros\n");
    text.append("left out:  ").append(Units.count(r.leftOutPages(), "page"));
    text.append(" in no mapping that criu fills\n");
    text.append("bytes:     ").append(Units.bytes(r.pagesBytes())).append(" of pages, ");
    text.append(Units.bytes(r.otherBytes())).append(" of other files\n");
  }

  private static long files(VmaFiles.Index index) {
    return index.vmas().stream().filter(v -> v.file().isPresent()).count()
        + index.shared().stream().filter(s -> s.file().isPresent()).count();
  }

  void json(JsonGenerator json) throws IOException {
    json.writeStringField("imagesDir", imagesDir.toString());
    json.writeNumberField("round", round);
    json.writeStringField("out", out.toString());
    json.writeBooleanField("restorable", restorable.isPresent());
    if (raw.isPresent()) {
      json(json, raw.get());
    }
    if (index.isPresent()) {
      json.writeNumberField("files", files(index.get()));
      json.writeNumberField("pages", index.get().heldPages());
    }
    json.writeNumberField("micros", micros);
  }

  /** Writes what raw images were made of into an object begun by the caller. */
  static void json(JsonGenerator json, RawSummary r) throws IOException {
    json.writeNumberField("rounds", r.rounds());
    json.writeNumberField("processes", r.processes());
    json.writeNumberField("chainPages", r.chainPages());
    json.writeNumberField("criuPages", r.criuPages());
    json.writeNumberField("zeroPages", r.zeroPages());
    json.writeNumberField("leftOutPages", r.leftOutPages());
    json.writeNumberField("pagesBytes", r.pagesBytes());
    json.writeNumberField("otherBytes", r.otherBytes());
  }

  private static void json(JsonGenerator json, Path imagesDir, int round, VmaFiles.Index index)
      throws IOException {
    json.writeStringField("imagesDir", imagesDir.toString());
    json.writeNumberField("round", round);
    json.writeArrayFieldStart("vmas");
    for (VmaFiles.VmaFile v : index.vmas()) {
      json.writeStartObject();
      json.writeNumberField("vpid", v.vpid());
      json.writeStringField("start", Units.address(v.start()));
      json.writeStringField("end", Units.address(v.end()));
      json.writeStringField("name", v.name());
      json.writeStringField("policy", v.policy().name());
      json.writeNumberField("heldPages", v.heldPages());
      file(json, v.file());
      json.writeEndObject();
    }
    json.writeEndArray();
    json.writeArrayFieldStart("shared");
    for (VmaFiles.SharedFile s : index.shared()) {
      json.writeStartObject();
      json.writeNumberField("id", s.id());
      json.writeNumberField("heldPages", s.heldPages());
      file(json, s.file());
      json.writeEndObject();
    }
    json.writeEndArray();
  }

  private static void file(JsonGenerator json, Optional<String> file) throws IOException {
    json.writeFieldName("file");
    if (file.isPresent()) {
      json.writeString(file.get());
    } else {
      json.writeNull();
    }
  }
}
