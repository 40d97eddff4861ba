package io.predump.daemon;

import io.predump.criu.CriuDump;
import io.predump.criu.CriuProgram;
import io.predump.engine.Checkpointer;
import io.predump.engine.FinalMode;
import io.predump.engine.FinalRound;
import io.predump.engine.LoopOptions;
import io.predump.engine.PreDumpLoop;
import io.predump.engine.PreDumpSession;
import io.predump.engine.RunResult;
import io.predump.images.ChainVerifier;
import io.predump.images.RoundRecord;
import io.predump.linux.Pid;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A session that outlives the request that made it. It has a thread of its own, which alone uses
 * the {@link PreDumpSession}; whatever is asked is queued and done in order. For any thread.
 *
 * <p>A request that fails leaves the session as it is. One that finds the target gone ends it: from
 * then on requests fail with {@link ErrorCode#TARGET_GONE}, and {@link #status} says how it ended.
 */
public final class ManagedSession implements AutoCloseable {
  private final SessionLife life;

  ManagedSession(SessionLife life) {
    this.life = life;
  }

  /** {@return what names it as long as the daemon lives, such as {@code s7}} */
  public String id() {
    return life.id();
  }

  /** {@return the root of its tree} */
  public Pid target() {
    return life.request().target();
  }

  /** {@return where its rounds go} */
  public Path imagesDir() {
    return life.request().imagesDir();
  }

  /** {@return whose it is} */
  public Peer owner() {
    return life.owner();
  }

  /** {@return what was asked for} */
  public AttachRequest request() {
    return life.request();
  }

  /** {@return how it is now; never waits for what is under way} */
  public SessionStatus status() {
    return life.status();
  }

  /**
   * Is told from now on.
   *
   * @return ends that when closed
   */
  public Watching watch(SessionWatcher watcher) {
    return life.watchers().add(watcher);
  }

  /**
   * Takes one live round.
   *
   * @return its record, once durable; empty if the target is gone
   * @throws IOException if it cannot be written, the session goes on; or if the session has ended
   */
  public Optional<RoundRecord> round() throws IOException {
    return call(life::takeRound);
  }

  /**
   * Takes live rounds until the policy says stop.
   *
   * @param options without a final round
   * @return what was done
   * @throws IOException if one cannot be written; or if the session has ended
   */
  public RunResult rounds(LoopOptions options) throws IOException {
    return call(roundsWork(options));
  }

  /** {@return the work of {@link #rounds}} */
  SessionWork<RunResult> roundsWork(LoopOptions options) {
    if (options.finalMode() != FinalMode.NONE) {
      throw new IllegalArgumentException("finalMode=" + options.finalMode() + ": finish it");
    }
    return session -> loop(session, options, Optional.empty()).run();
  }

  /**
   * Takes the last round and lets go of the target.
   *
   * @return all rounds of the session, and how the last one went
   * @throws IOException if the last round cannot be taken; the session goes on
   */
  public RunResult finish(FinishRequest request) throws IOException {
    RunResult result = call(finishWork(request));
    awaitEnd();
    return result;
  }

  /** {@return the work of {@link #finish(FinishRequest)}: after it the session lets go} */
  SessionWork<RunResult> finishWork(FinishRequest request) {
    return session -> {
      RunResult result;
      if (request.mode() == FinalMode.CRIU) {
        try (CriuDump dump = CriuDump.prepare(CriuProgram.find(request.criu()), request.dump())) {
          result = last(session, request, Optional.of(dump));
        }
      } else {
        result = last(session, request, Optional.empty());
      }
      life.jobs().finishNow("it is finished");
      return result;
    };
  }

  private RunResult last(
      PreDumpSession session, FinishRequest request, Optional<Checkpointer> checkpointer)
      throws IOException {
    LoopOptions options =
        new LoopOptions(
            0,
            LoopOptions.DEFAULT.downtimeLimit(),
            Optional.empty(),
            request.mode(),
            request.verify());
    List<RoundRecord> rounds = new ArrayList<>(life.rounds());
    RunResult result = loop(session, options, checkpointer).finish();
    rounds.addAll(result.rounds());
    return new RunResult(
        rounds,
        result.stopReason(),
        result.freeze(),
        result.verify(),
        result.warnings(),
        result.notVerified(),
        result.stoppedMicros(),
        result.bounds());
  }

  private PreDumpLoop loop(
      PreDumpSession session, LoopOptions options, Optional<Checkpointer> checkpointer) {
    return new PreDumpLoop(session, options, life.watchers(), checkpointer);
  }

  /**
   * Takes the last round while somebody else holds the tree; the session stays, and is to be
   * closed.
   *
   * @param checkpointer borrowed
   * @return the round, empty if the target is gone
   * @throws IOException if it cannot be taken; the session goes on
   */
  public Optional<FinalRound> finish(Checkpointer checkpointer, boolean verify) throws IOException {
    return call(
        session -> {
          Optional<FinalRound> last = session.finish(checkpointer, verify);
          last.filter(FinalRound::kept).ifPresent(r -> life.watchers().roundFinished(r.record()));
          return last;
        });
  }

  /**
   * Does something with the session, on its thread, after what was asked before.
   *
   * @throws IOException if it fails, the session goes on; or if the session has ended
   */
  public <T> T call(SessionWork<T> work) throws IOException {
    return submit(work).await();
  }

  /** Queues work up, and does not wait for it. */
  <T> Job<T> submit(SessionWork<T> work) throws IOException {
    Job<T> job = new Job<>(work);
    life.jobs().add(job);
    return job;
  }

  /** {@return all who are told how it goes} */
  SessionWatcher watchers() {
    return life.watchers();
  }

  /** {@return whether it still tracks} */
  boolean isLive() {
    return life.isLive();
  }

  /**
   * Checks every file of the rounds; nothing is written to the directory meanwhile.
   *
   * @throws IOException if the directory cannot be read; or if the session has ended
   */
  public ChainVerifier.Report verifyFiles() throws IOException {
    return call(session -> new ChainVerifier(1).verify(imagesDir()));
  }

  /** Does what was asked before, lets go of the target, and leaves the registry. */
  @Override
  public void close() {
    life.jobs().finishUp("asked for");
    life.awaitEnd();
  }

  /** Drops the round under way and lets go of the target; does not wait for it. */
  void abort(String why) {
    life.abort(why);
  }

  /** Waits until it has let go. */
  void awaitEnd() {
    life.awaitEnd();
  }
}
