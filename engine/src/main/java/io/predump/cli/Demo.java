package io.predump.cli;

import io.predump.criu.PrivateDirectory;
import io.predump.engine.FinalMode;
import io.predump.engine.LoopOptions;
import io.predump.engine.RunResult;
import io.predump.engine.SessionOptions;
import io.predump.images.RoundRecord;
import io.predump.linux.Pid;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Runs a program, copies it, verifies the copy, and cleans up, also when it is interrupted. */
final class Demo {
  /** No goal: the rounds go on as long as they gain something. */
  private static final LoopOptions LOOP =
      new LoopOptions(5, Duration.ZERO, Optional.empty(), FinalMode.FREEZE, true);

  private final Terminal terminal;
  private final DemoProgram.Starter starter;
  private final @Nullable Path keep;
  private final boolean json;

  Demo(Terminal terminal, DemoProgram.Starter starter, @Nullable Path keep, boolean json) {
    this.terminal = terminal;
    this.starter = starter;
    this.keep = keep;
    this.json = json;
  }

  /** {@return the exit code} */
  int run() throws IOException, InterruptedException {
    Interruption.Scope starting = terminal.interruption().stopBy(Thread.currentThread()::interrupt);
    try (PrivateDirectory dir = PrivateDirectory.make("predump-demo-")) {
      say("starting the target …");
      try (DemoProgram program = starter.start(dir.path())) {
        say("target: pid " + program.pid() + ", " + program.description());
        Path images = keep == null ? dir.path().resolve("images") : keep.toAbsolutePath();
        return copy(program, images.normalize());
      }
    } finally {
      starting.close();
    }
  }

  private int copy(DemoProgram program, Path images) throws IOException {
    RunProgress progress = new RunProgress(terminal, RunProgress.style(terminal, false, json));
    SessionOptions session = SessionOptions.defaults(Main.version());
    try (LiveRun run =
        LiveRun.attach(
            new Pid(program.pid()),
            images,
            session,
            LOOP,
            Optional.empty(),
            progress,
            terminal.interruption())) {
      RunResult result = run.take();
      String alive = result.stopReason().targetGone() ? "" : program.checkAlive();
      if (json) {
        Json.print(
            terminal.out(),
            o -> {
              o.writeStringField("target", program.description());
              Json.run(o, images.toString(), run.tracker(), result);
              o.writeNumberField("copyAllFrozenMicros", copyAllFrozenMicros(result));
            });
      } else {
        if (!progress.showsTable() && !result.rounds().isEmpty()) {
          terminal.out().println(RoundTable.render(result.rounds()));
        }
        terminal.out().print(RunSummary.of(result, images));
        terminal.out().print(comparison(result));
        if (!alive.isEmpty()) {
          terminal.out().println(alive);
        }
        if (keep == null) {
          terminal
              .out()
              .println("the images and the target are removed now (--keep DIR keeps the images)");
        }
      }
      return ExitCodes.of(result);
    }
  }

  private void say(String line) {
    if (!json) {
      terminal.err().println(line);
    }
  }

  /**
   * How long the target would have stood still had all of it been copied frozen: what round 1,
   * which copies everything, took without arming the tracker and without fsync; 0 if there was
   * none.
   */
  static long copyAllFrozenMicros(RunResult result) {
    if (result.rounds().isEmpty()) {
      return 0;
    }
    RoundRecord first = result.rounds().get(0);
    return Math.max(0, first.totalMicros() - first.armMicros() - first.syncMicros());
  }

  static String comparison(RunResult result) {
    if (result.freeze().isEmpty()) {
      return "";
    }
    long all = copyAllFrozenMicros(result);
    long frozen = Math.max(1, result.freeze().get().frozenMicros());
    return "copying everything frozen would have stopped it for about "
        + Units.micros(all)
        + " (what round 1 took to copy all of it): "
        + String.format(Locale.ROOT, "%,.0f", (double) all / frozen)
        + " times as long\n";
  }
}
