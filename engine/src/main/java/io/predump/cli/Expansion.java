package io.predump.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import io.predump.images.ChainDirectory;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Raw images of the checkpoint just made, beside its round: {@code run --expand}.
 *
 * @param report what was written, absent if nothing was
 * @param failure why nothing was although it was wanted; the checkpoint is good all the same
 */
record Expansion(Optional<ExportReport> report, Optional<IOException> failure) {
  /** None was wanted. */
  static final Expansion NONE = new Expansion(Optional.empty(), Optional.empty());

  /** Expands a round that is a checkpoint; nobody else may write to the chain meanwhile. */
  static Expansion of(Path imagesDir, int round) {
    try {
      Path out = ChainDirectory.expansionPath(imagesDir, round);
      return new Expansion(
          Optional.of(ExportReport.criu(imagesDir, OptionalInt.of(round), out, false)),
          Optional.empty());
    } catch (IOException e) {
      Thread.interrupted(); // the file channel leaves it set; what is left to do is to report
      return new Expansion(
          Optional.empty(),
          Optional.of(
              new IOException(
                  "the checkpoint is whole, but was not expanded: "
                      + ErrorText.of(e)
                      + "; predump restore "
                      + imagesDir
                      + " needs no expansion",
                  e)));
    }
  }

  /** {@return whole lines, nothing if nothing was written} */
  String text() {
    return report
        .map(
            r ->
                "expanded: "
                    + r.out()
                    + " ("
                    + Units.bytes(r.raw().orElseThrow().pagesBytes())
                    + " of pages, took "
                    + Units.micros(r.micros())
                    + "), for criu restore -D "
                    + r.out()
                    + "\n")
        .orElse("");
  }

  /** Writes the field {@code expanded} into an object begun by the caller. */
  void json(JsonGenerator json) throws IOException {
    json.writeFieldName("expanded");
    if (report.isPresent()) {
      json.writeStartObject();
      report.get().json(json);
      json.writeEndObject();
    } else {
      json.writeNull();
    }
  }

  /**
   * Ends a command that could not do all of it.
   *
   * @throws IOException if the expansion failed
   */
  void requireDone() throws IOException {
    if (failure.isPresent()) {
      throw failure.get();
    }
  }
}
