package io.predump.engine;

import io.predump.images.RoundRecord;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Takes rounds of a session until the policy says stop, then the final one. The loop owns no
 * resources; the session stays the caller's.
 */
public final class PreDumpLoop {
  private final PreDumpSession session;
  private final LoopOptions options;
  private final LoopListener listener;
  private final ConvergencePolicy policy;
  private final Optional<Checkpointer> checkpointer;
  private final List<RoundRecord> rounds = new ArrayList<>();
  private final Set<String> warned = new LinkedHashSet<>();
  private volatile boolean interrupted;

  /**
   * @param session attached; borrowed
   * @param listener is told how it goes
   */
  public PreDumpLoop(PreDumpSession session, LoopOptions options, LoopListener listener) {
    this(session, options, listener, Optional.empty());
  }

  /**
   * The same with a last round that is a whole checkpoint.
   *
   * @param checkpointer of a run that ends with {@link FinalMode#CRIU}, and of none else; borrowed
   */
  public PreDumpLoop(
      PreDumpSession session,
      LoopOptions options,
      LoopListener listener,
      Optional<Checkpointer> checkpointer) {
    if (checkpointer.isPresent() != (options.finalMode() == FinalMode.CRIU)) {
      throw new IllegalArgumentException(
          "finalMode=" + options.finalMode() + " checkpointer=" + checkpointer);
    }
    this.checkpointer = checkpointer;
    this.session = session;
    this.options = options;
    this.listener = listener;
    this.policy = new ConvergencePolicy(options);
  }

  /** Ends the run soon: the round under way is dropped, the target goes on. For any thread. */
  public void interrupt() {
    interrupted = true;
    session.cancel();
  }

  /**
   * Runs to the end.
   *
   * @return what was done; a target that ended on the way is a stop reason
   * @throws IOException if a round cannot be taken or written; rounds committed before stay good
   */
  public RunResult run() throws IOException {
    session.listen(listener);
    listener.attached(session.trackerDescription());
    tellWarnings();
    StopReason reason = liveRounds();
    Optional<FinalRound> last = Optional.empty();
    if (options.finalMode() != FinalMode.NONE
        && !reason.targetGone()
        && reason != StopReason.INTERRUPTED) {
      try {
        last =
            checkpointer.isPresent()
                ? session.finish(checkpointer.get(), options.verify())
                : session.finish(options.verify());
      } catch (CancelledException e) {
        reason = StopReason.INTERRUPTED;
      }
      if (last.isPresent()) {
        rounds.add(last.get().record());
        listener.roundFinished(last.get().record());
        if (options.verify() && last.get().verify().isEmpty()) {
          reason = StopReason.INTERRUPTED;
        }
      } else {
        reason = session.ended().orElse(reason);
      }
    }
    tellWarnings();
    return new RunResult(
        rounds,
        reason,
        last.map(FinalRound::freeze),
        last.flatMap(FinalRound::verify),
        List.copyOf(warned),
        session.notVerified(),
        session.stoppedMicros());
  }

  private StopReason liveRounds() throws IOException {
    long began = System.nanoTime();
    while (true) {
      if (interrupted) {
        return StopReason.INTERRUPTED;
      }
      Reason judged = new Reason();
      Optional<RoundRecord> record;
      try {
        record =
            session.round(
                draft -> {
                  judged.reason = policy.judge(draft, Duration.ofNanos(System.nanoTime() - began));
                  return judged.reason;
                });
      } catch (CancelledException e) {
        return StopReason.INTERRUPTED;
      }
      if (record.isEmpty()) {
        return session.ended().orElseThrow();
      }
      rounds.add(record.get());
      listener.roundFinished(record.get());
      tellWarnings();
      if (judged.reason.isPresent()) {
        return judged.reason.get();
      }
    }
  }

  private static final class Reason {
    Optional<StopReason> reason = Optional.empty();
  }

  private void tellWarnings() {
    for (String warning : session.warnings()) {
      if (warned.add(warning)) {
        listener.warning(warning);
      }
    }
  }
}
