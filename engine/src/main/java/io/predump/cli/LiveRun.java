package io.predump.cli;

import io.predump.criu.CriuDump;
import io.predump.criu.FreezeForecast;
import io.predump.engine.Checkpointer;
import io.predump.engine.LoopOptions;
import io.predump.engine.PreDumpLoop;
import io.predump.engine.PreDumpSession;
import io.predump.engine.RunResult;
import io.predump.engine.SessionOptions;
import io.predump.linux.Pid;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * One run over one session, stopped in good order by SIGINT and SIGTERM: what is reported before
 * {@link #close} is reported even then.
 */
final class LiveRun implements AutoCloseable {
  private final Interruption.Scope interruption;
  private final PreDumpSession session;
  private final PreDumpLoop loop;
  private final RunProgress progress;

  private LiveRun(
      Interruption.Scope interruption,
      PreDumpSession session,
      PreDumpLoop loop,
      RunProgress progress) {
    this.interruption = interruption;
    this.session = session;
    this.loop = loop;
    this.progress = progress;
  }

  /**
   * Attaches to the target; fails as {@link PreDumpSession#attach} does. A signal that comes
   * meanwhile takes effect when attached: half attached is no good moment to end.
   */
  static LiveRun attach(
      Pid target,
      Path imagesDir,
      SessionOptions sessionOptions,
      LoopOptions loopOptions,
      Optional<Checkpointer> checkpointer,
      RunProgress progress,
      Interruption interruption)
      throws IOException {
    Interruption.Scope attaching = interruption.stopBy(() -> {});
    PreDumpSession session;
    try {
      session = PreDumpSession.attach(target, imagesDir, sessionOptions);
    } finally {
      attaching.close();
    }
    session.warnings().forEach(progress::warning);
    PreDumpLoop loop = new PreDumpLoop(session, loopOptions, progress, checkpointer);
    return new LiveRun(interruption.stopBy(loop::interrupt), session, loop, progress);
  }

  /** {@return the tracker and why it was picked} */
  String tracker() {
    return session.trackerDescription();
  }

  /** {@return how long the freeze of a checkpoint will be} */
  FreezeForecast forecast(CriuDump dump) throws IOException {
    return dump.forecast(session);
  }

  /** Takes the rounds; warnings not shown so far are shown. */
  RunResult take() throws IOException {
    try {
      RunResult result = loop.run();
      progress.ended();
      result.warnings().forEach(progress::warning);
      return result;
    } finally {
      progress.ended();
    }
  }

  @Override
  public void close() {
    try {
      session.close();
    } finally {
      interruption.close();
    }
  }
}
