package io.predump.bench;

import static io.predump.bench.Setting.say;
import static io.predump.bench.Setting.text;
import static io.predump.bench.Setting.values;

import io.predump.bench.Report.Verdict;
import io.predump.engine.FreezeRecord;
import io.predump.engine.PreDumpSession;
import io.predump.images.RoundRecord;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** What comes after the first round: idle rounds, rounds with 1 % dirty, final freezes. */
final class LaterRounds {
  /** The median is that of compiled code, as in a daemon; the first one is told beside it. */
  private static final int IDLE_TO_WARM_UP = 6;

  private static final int IDLE_ROUNDS = 9;
  private static final int DIRTY_ROUNDS = 5;
  private static final int FREEZES = 7;
  private static final int GOAL_MIB = 2048;
  private static final double IDLE_GOAL_MILLIS = 15;
  private static final long FREEZE_GOAL_MICROS = 5000;
  private static final long FREEZE_GOAL_PAGES = 1000;

  private final Setting setting;
  private final LiveTarget target;
  private final Samples frozenMicros = new Samples();

  LaterRounds(Setting setting, LiveTarget target) {
    this.setting = setting;
    this.target = target;
  }

  /** Measures in one session, and adds the lines. */
  void run(Report report) throws IOException {
    say("idle rounds, dirty rounds, final freezes");
    try (PreDumpSession session =
        PreDumpSession.attach(target.pid(), setting.fresh("later"), setting.options())) {
      round(session);
      // the first look of a session at memory it knows, and the first write, are not the usual ones
      round(session);
      target.ask(LiveTarget.SIGUSR1);
      round(session);
      idle(session, report);
      dirty(session, report);
      freezes(session, report);
    }
    setting.fresh("later");
  }

  /** {@return the final freezes with few pages written, once measured} */
  Samples frozenMicros() {
    return frozenMicros;
  }

  private static RoundRecord round(PreDumpSession session) throws IOException {
    return session.round().orElseThrow(() -> new IOException("the target has gone"));
  }

  private void idle(PreDumpSession session, Report report) throws IOException {
    Samples millis = new Samples();
    Samples syncMillis = new Samples();
    Samples scanMillis = new Samples();
    double first = 0;
    long stored = 0;
    for (int i = 0; i < IDLE_TO_WARM_UP + IDLE_ROUNDS; i++) {
      long began = System.nanoTime();
      RoundRecord record = round(session);
      double took = (System.nanoTime() - began) / 1e6;
      first = i == 0 ? took : first;
      if (i < IDLE_TO_WARM_UP) {
        continue;
      }
      millis.add(took);
      syncMillis.add(record.syncMicros() / 1e3);
      scanMillis.add(record.scanMicros() / 1e3);
      stored = Math.max(stored, record.pages().stored());
    }
    boolean judged = setting.mib() == GOAL_MIB;
    report.line(
        "idle round, fsync included",
        text(
            "%.1f ms = scan %.1f + fsync %.1f + rest (first %.1f)",
            millis.median(), scanMillis.median(), syncMillis.median(), first),
        "",
        "",
        judged ? text("<= %.0f ms", IDLE_GOAL_MILLIS) : "",
        judged ? Verdict.of(millis.median() <= IDLE_GOAL_MILLIS) : Verdict.NONE,
        values(
            "firstMillis", first,
            "millis", millis,
            "scanMillis", scanMillis,
            "syncMillisBeforeManifest", syncMillis,
            "mostStoredPages", stored));
  }

  private void dirty(PreDumpSession session, Report report) throws IOException {
    Samples millis = new Samples();
    Samples pages = new Samples();
    for (int i = 0; i < DIRTY_ROUNDS; i++) {
      target.ask(LiveTarget.SIGUSR1);
      long began = System.nanoTime();
      RoundRecord record = round(session);
      millis.add((System.nanoTime() - began) / 1e6);
      pages.add(record.pages().written());
    }
    report.line(
        "round with 1 % dirty",
        text("%.1f ms for %.0f pages", millis.median(), pages.median()),
        "",
        "",
        "",
        Verdict.NONE,
        values("millis", millis, "writtenPages", pages));
  }

  private void freezes(PreDumpSession session, Report report) throws IOException {
    Samples frozen = frozenMicros;
    Samples stop = new Samples();
    Samples scan = new Samples();
    Samples read = new Samples();
    Samples pages = new Samples();
    List<String> all = new ArrayList<>();
    for (int i = 0; i < FREEZES; i++) {
      target.ask(LiveTarget.SIGUSR2);
      FreezeRecord freeze = session.finish(false).orElseThrow().freeze();
      frozen.add(freeze.frozenMicros());
      stop.add(freeze.stopMicros());
      scan.add(freeze.scanMicros());
      read.add(freeze.readMicros());
      pages.add(freeze.pageCount());
      all.add(freeze.toString());
      round(session); // arms again what the freeze only listed
    }
    boolean judged = setting.mib() == GOAL_MIB && pages.max() <= FREEZE_GOAL_PAGES;
    report.line(
        text("final freeze, %.0f dirty pages", pages.median()),
        text(
            "%.0f us = stop %.0f + scan %.0f + read %.0f + rest",
            frozen.median(), stop.median(), scan.median(), read.median()),
        "",
        "",
        judged ? "<= " + FREEZE_GOAL_MICROS + " us" : "",
        judged ? Verdict.of(frozen.median() <= FREEZE_GOAL_MICROS) : Verdict.NONE,
        values(
            "frozenMicros", frozen,
            "stopMicros", stop,
            "scanMicros", scan,
            "readMicros", read,
            "pages", pages,
            "records", all));
  }
}
