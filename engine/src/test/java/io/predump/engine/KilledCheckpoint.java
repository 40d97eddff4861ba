package io.predump.engine;

import io.predump.criu.AfterDump;
import io.predump.criu.CriuDump;
import io.predump.criu.CriuMode;
import io.predump.criu.DumpOptions;
import io.predump.criu.StockCriu;
import io.predump.linux.KernelFeatures;
import io.predump.linux.LibC;
import io.predump.linux.Pid;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * A program that checkpoints a process, and kills itself with SIGKILL before a step of the last
 * round.
 */
public final class KilledCheckpoint {
  private static final int SIGKILL = 9;

  private KilledCheckpoint() {}

  /** Arguments: pid, images directory, step, CriuMode, AfterDump. */
  public static void main(String[] arguments) throws IOException {
    boolean[] last = new boolean[1];
    TestHooks hooks =
        TestHooks.watched(
            step -> {
              if (last[0] && step.equals(arguments[2])) {
                LibC.kill(LibC.getpid(), SIGKILL);
              }
            });
    DumpOptions options =
        DumpOptions.DEFAULT
            .withMode(CriuMode.valueOf(arguments[3]))
            .withAfterDump(AfterDump.valueOf(arguments[4]))
            .withExtraArguments(List.of("--shell-job"));
    try (PreDumpSession session =
            PreDumpSession.attach(
                new Pid(Integer.parseInt(arguments[0])),
                Path.of(arguments[1]),
                SessionOptions.defaults("test"),
                KernelFeatures.current(),
                hooks);
        CriuDump dump = CriuDump.prepare(StockCriu.program(), options)) {
      session.round().orElseThrow();
      last[0] = true;
      session.finish(dump, true).orElseThrow();
    }
  }
}
