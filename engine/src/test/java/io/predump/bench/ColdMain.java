package io.predump.bench;

import io.predump.engine.FinalMode;
import io.predump.engine.LoopListener;
import io.predump.engine.LoopOptions;
import io.predump.engine.PreDumpLoop;
import io.predump.engine.PreDumpSession;
import io.predump.engine.SessionOptions;
import io.predump.linux.Pid;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/** Stands in for {@code predump run -t PID -D DIR --rounds 1 --final none} while there is none. */
final class ColdMain {
  private ColdMain() {}

  public static void main(String[] args) throws IOException {
    Pid pid = new Pid(Integer.parseInt(args[0]));
    SessionOptions options = SessionOptions.defaults("bench");
    try (PreDumpSession session = PreDumpSession.attach(pid, Path.of(args[1]), options)) {
      LoopOptions once = new LoopOptions(1, Duration.ZERO, Optional.empty(), FinalMode.NONE, false);
      new PreDumpLoop(session, once, LoopListener.SILENT).run();
    }
  }
}
