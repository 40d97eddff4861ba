package io.predump.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import io.predump.engine.MemoryVerifier;
import io.predump.engine.VerifyResult;
import io.predump.images.ChainVerifier;
import io.predump.linux.Pid;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What a verification found.
 *
 * @param imagesDir what was verified
 * @param files what the check of the files found
 * @param memory what the comparison with a process found, absent if none was asked for, or if the
 *     files are damaged
 */
record VerifyReport(Path imagesDir, ChainVerifier.Report files, Optional<VerifyResult> memory) {

  /** Checks the files. */
  static VerifyReport of(Path imagesDir) throws IOException {
    int threads = Runtime.getRuntime().availableProcessors();
    return new VerifyReport(
        imagesDir, new ChainVerifier(threads).verify(imagesDir), Optional.empty());
  }

  /** Checks the files, then compares them with a stopped process. */
  static VerifyReport against(Path imagesDir, Pid pid) throws IOException {
    VerifyReport report = of(imagesDir);
    return report.files().isClean()
        ? new VerifyReport(
            imagesDir, report.files(), Optional.of(MemoryVerifier.againstStopped(imagesDir, pid)))
        : report;
  }

  int exitCode() {
    if (!files.isClean()) {
      return ExitCodes.IMAGE;
    }
    return memory.map(ExitCodes::of).orElse(ExitCodes.DONE);
  }

  String text() {
    StringBuilder text = new StringBuilder();
    for (ChainVerifier.Problem p : files.problems()) {
      text.append(line(p)).append('\n');
    }
    for (ChainVerifier.Problem p : files.warnings()) {
      text.append("warning: ").append(line(p)).append('\n');
    }
    text.append(imagesDir).append(": ");
    text.append(Units.count(files.rounds(), "round")).append(", ");
    text.append(Units.count(files.files(), "file")).append(", ");
    text.append(Units.count(files.frames(), "frame")).append(", ");
    text.append(Units.count(files.pages(), "page")).append(", ");
    text.append(Units.bytes(files.bytes())).append(" read: ");
    text.append(Units.count(files.problems().size(), "problem")).append(", ");
    text.append(Units.count(files.warnings().size(), "warning")).append('\n');
    memory.ifPresent(result -> text.append(RunSummary.verify(result)));
    return text.toString();
  }

  private static String line(ChainVerifier.Problem p) {
    // the message of a frame names its offset already
    return p.offset() < 0 || p.message().contains("at offset " + p.offset() + ":")
        ? p.file() + ": " + p.message()
        : p.file() + ": offset " + p.offset() + ": " + p.message();
  }

  void json(JsonGenerator json) throws IOException {
    json.writeStringField("imagesDir", imagesDir.toString());
    json.writeNumberField("rounds", files.rounds());
    json.writeNumberField("files", files.files());
    json.writeNumberField("frames", files.frames());
    json.writeNumberField("pages", files.pages());
    json.writeNumberField("bytes", files.bytes());
    problems(json, "problems", files.problems());
    problems(json, "warnings", files.warnings());
    json.writeFieldName("verify");
    if (memory.isPresent()) {
      Json.verify(json, memory.get());
    } else {
      json.writeNull();
    }
  }

  private static void problems(
      JsonGenerator json, String name, List<ChainVerifier.Problem> problems) throws IOException {
    json.writeArrayFieldStart(name);
    for (ChainVerifier.Problem p : problems) {
      json.writeStartObject();
      json.writeStringField("file", p.file());
      json.writeNumberField("offset", p.offset());
      json.writeStringField("message", p.message());
      json.writeEndObject();
    }
    json.writeEndArray();
  }
}
