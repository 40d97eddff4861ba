package io.predump.bench;

import static io.predump.bench.Setting.say;
import static io.predump.bench.Setting.text;
import static io.predump.bench.Setting.values;

import io.predump.bench.Report.Verdict;
import io.predump.linux.ptrace.Injected;
import io.predump.linux.ptrace.UserfaultfdInjection;
import java.io.IOException;

/** How long the one thread stands still while a session attaches, over and over. */
final class Injections {
  private static final int COUNT = 100;

  /** The median is that of compiled code, as in a daemon; the first one is told beside it. */
  private static final int TO_WARM_UP = 100;

  private Injections() {}

  /** Measures against a program, and adds the line. */
  static void run(Report report, String kind, double goalMicros, String... program)
      throws IOException {
    say("injections, " + kind + " thread");
    Samples micros = new Samples();
    double first = 0;
    try (LiveTarget target = LiveTarget.start(program)) {
      Thread.sleep(50); // until the shell has become the program
      for (int i = 0; i < TO_WARM_UP + COUNT; i++) {
        Injected injected = UserfaultfdInjection.inject(target.pid());
        injected.userfaultfd().close();
        if (i == 0) {
          first = injected.stoppedNanos() / 1e3;
        }
        if (i >= TO_WARM_UP) {
          micros.add(injected.stoppedNanos() / 1e3);
        }
      }
    } catch (InterruptedException e) {
      throw new IOException("interrupted", e);
    }
    report.line(
        "injection, " + kind + " thread stopped",
        text("%.0f us (max %.0f, first %.0f)", micros.median(), micros.max(), first),
        "",
        "",
        text("<= %.0f us", goalMicros),
        Verdict.of(micros.median() <= goalMicros),
        values("firstMicros", first, "micros", micros));
  }
}
