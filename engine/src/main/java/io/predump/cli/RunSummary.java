package io.predump.cli;

import io.predump.criu.FreezeForecast;
import io.predump.engine.FreezeRecord;
import io.predump.engine.RunBounds;
import io.predump.engine.RunResult;
import io.predump.engine.VerifyResult;
import io.predump.images.RoundRecord;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.LongSummaryStatistics;

/** What a run did, in words. Every method returns whole lines. */
final class RunSummary {
  private RunSummary() {}

  /**
   * {@return the end of a run: why it stopped, how long it froze, what was verified, what is owed,
   * where it is}
   */
  static String of(RunResult result, Path imagesDir) {
    StringBuilder text = new StringBuilder();
    int live = result.rounds().size() - (result.freeze().isPresent() ? 1 : 0);
    text.append("stopped after ").append(Units.count(Math.max(0, live), "live round"));
    text.append(": ").append(result.stopReason().sentence()).append('\n');
    if (result.stoppedMicros() > 0) {
      text.append("attached: one thread stopped for ");
      text.append(Units.micros(result.stoppedMicros())).append('\n');
    }
    text.append(standstills(result.rounds().subList(0, Math.max(0, live))));
    text.append(bounds(result.bounds()));
    result.freeze().ifPresent(freeze -> text.append(freeze(freeze)));
    result
        .verify()
        .ifPresent(
            verify -> {
              text.append(verify(verify));
              text.append("held frozen for another ");
              text.append(Units.micros(verify.verifyFrozenMicros()));
              text.append(" to compare\n");
            });
    text.append(owed(result.rounds()));
    text.append(images(result.rounds(), imagesDir));
    result.notVerified().forEach(why -> text.append("not verified: ").append(why).append('\n'));
    return text.toString();
  }

  /** Nothing without bounds. */
  static String bounds(RunBounds b) {
    List<String> told = new ArrayList<>();
    b.byteBudget().ifPresent(bytes -> told.add("at most " + Units.bytes(bytes) + " stored"));
    b.bytesPerSecond().ifPresent(rate -> told.add("at most " + Units.rate(rate) + " read"));
    b.cpuPercent().ifPresent(percent -> told.add("at most " + percent + " % of a core"));
    if (b.paced()) {
      told.add("paced");
    }
    String limits =
        told.isEmpty()
            ? ""
            : "live rounds kept to: "
                + String.join(", ", told)
                + (b.waitedMicros() == 0
                    ? ""
                    : "; workers waited " + Units.micros(b.waitedMicros()) + " for it")
                + "\n";
    String age =
        b.oldestMicros().isEmpty() || b.rpoMicros().isEmpty()
            ? ""
            : "the newest round was never older than "
                + Units.micros(b.oldestMicros().getAsLong())
                + " (rpo "
                + Units.micros(b.rpoMicros().getAsLong())
                + ")\n";
    return limits + age;
  }

  /** Live rounds freeze with soft-dirty tracking only. */
  private static String standstills(List<RoundRecord> live) {
    LongSummaryStatistics micros =
        live.stream()
            .mapToLong(RoundRecord::frozenMicros)
            .filter(frozen -> frozen > 0)
            .summaryStatistics();
    return micros.getCount() == 0
        ? ""
        : "frozen in "
            + Units.count(micros.getCount(), "live round")
            + " to list written pages: "
            + Units.micros(micros.getSum())
            + " in all, "
            + Units.micros(micros.getMax())
            + " at most\n";
  }

  /** {@return one line, without its end} */
  static String forecast(FreezeForecast f, boolean held) {
    return "checkpoint: "
        + Units.bytes(f.privateBytes())
        + " of private and "
        + Units.bytes(f.sharedBytes())
        + " of shared memory; CRIU copies the shared part frozen, so expect a freeze of about "
        + Units.micros(f.micros())
        + (held ? ", after which the tree is held until all is durable and compared" : "");
  }

  static String freeze(FreezeRecord f) {
    String over =
        f.writtenFrozenBytes() == 0
            ? ""
            : "warning: "
                + Units.bytes(f.writtenFrozenBytes())
                + " exceeded the buffer and were compressed and written while frozen\n";
    return "frozen for "
        + Units.micros(f.frozenMicros())
        + (f.method().equals("ptrace") ? "" : " by " + f.method())
        + ": stop "
        + Units.micros(f.stopMicros())
        + ", scan "
        + Units.micros(f.scanMicros())
        + ", read "
        + Units.micros(f.readMicros())
        + (f.checkMicros() == 0 ? "" : ", check " + Units.micros(f.checkMicros()))
        + " ("
        + Units.count(f.threadCount(), "thread")
        + ", "
        + Units.count(f.pageCount(), "page")
        + ", "
        + Units.bytes(f.readBytes())
        + ")\n"
        + over;
  }

  static String verify(VerifyResult v) {
    StringBuilder text = new StringBuilder();
    text.append("verified: ").append(Units.count(v.compared(), "page")).append(" compared, ");
    text.append(Units.count(v.equal())).append(" equal, ");
    text.append(Units.count(v.different())).append(" different");
    text.append('\n');
    v.firstDifferences().forEach(d -> text.append("  ").append(d).append('\n'));
    long more = v.different() - v.firstDifferences().size();
    if (more > 0) {
      text.append("  and ").append(Units.count(more)).append(" more\n");
    }
    return text.toString();
  }

  /** A round's own count is what it still owed when it ended: only the last one's matters. */
  private static String owed(List<RoundRecord> rounds) {
    long owed = rounds.isEmpty() ? 0 : rounds.get(rounds.size() - 1).pages().owed();
    if (owed == 0) {
      return "";
    }
    return "warning: "
        + Units.count(owed, "page")
        + (owed == 1
            ? " is owed: the chain is stale for it\n"
            : " are owed: the chain is stale for them\n");
  }

  private static String images(List<RoundRecord> rounds, Path imagesDir) {
    if (rounds.isEmpty()) {
      return "images: no round was committed to " + imagesDir + "\n";
    }
    int first = rounds.get(0).round();
    int last = rounds.get(rounds.size() - 1).round();
    long stored = rounds.stream().mapToLong(r -> r.bytes().stored()).sum();
    String which = first == last ? "round " + first : "rounds " + first + " to " + last;
    return "images: " + imagesDir + " (" + which + ", " + Units.bytes(stored) + " stored)\n";
  }
}
