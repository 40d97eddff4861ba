package io.predump.engine;

import io.predump.images.RoundRecord;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Takes rounds of a session until the policy says stop, then the final one. The loop owns no
 * resources; the session stays the caller's.
 */
public final class PreDumpLoop {
  /** Between two rounds the target is looked at so often, to learn of its end. */
  private static final long LOOK_NANOS = 200_000_000;

  private final PreDumpSession session;
  private final LoopOptions options;
  private final LoopListener listener;
  private final ConvergencePolicy policy;
  private final Optional<Checkpointer> checkpointer;
  private final List<RoundRecord> rounds = new ArrayList<>();
  private final Set<String> warned = new LinkedHashSet<>();
  private final Optional<RpoSchedule> schedule;
  private final CountDownLatch interruption = new CountDownLatch(1);

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
    this.schedule = options.rpo().map(RpoSchedule::new);
  }

  /** Ends the run soon: the round under way is dropped, the target goes on. For any thread. */
  public void interrupt() {
    interruption.countDown();
    session.cancel();
  }

  /**
   * Runs to the end.
   *
   * @return what was done; a target that ended on the way is a stop reason
   * @throws IOException if a round cannot be taken or written; rounds committed before stay good
   */
  public RunResult run() throws IOException {
    begin();
    return end(liveRounds());
  }

  /**
   * Takes no live round, only the final one, if there is to be one.
   *
   * @return what was done; a target that ended on the way is a stop reason
   * @throws IOException if it cannot be taken or written; rounds committed before stay good
   */
  public RunResult finish() throws IOException {
    begin();
    return end(session.endedByNow().orElse(StopReason.REQUESTED));
  }

  private void begin() {
    session.listen(listener);
    listener.attached(session.trackerDescription());
    tellWarnings();
  }

  private RunResult end(StopReason whyNoMore) throws IOException {
    StopReason reason = whyNoMore;
    if (schedule.isPresent() && schedule.get().missed(System.nanoTime())) {
      warned.add(
          "the newest round was older than the rpo for a while: rounds take too long for it");
    }
    RunBounds bounds = bounds();
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
        listener.roundFinished(last.get().record());
        if (last.get().kept()) {
          rounds.add(last.get().record());
        } else {
          warned.add(
              "round "
                  + last.get().record().round()
                  + " differs from memory and was dropped: nobody may restore it; the tree runs on");
        }
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
        session.stoppedMicros(),
        bounds);
  }

  private StopReason liveRounds() throws IOException {
    long began = System.nanoTime();
    if (options.deferHot()) {
      session.deferHotPages(options.downtimeLimit().toNanos());
    }
    while (true) {
      Optional<StopReason> waited = awaitNext(began);
      if (waited.isPresent()) {
        return waited.get();
      }
      Judged judged = new Judged(began);
      long roundBegan = System.nanoTime();
      Optional<RoundRecord> record;
      try {
        record = session.round(judged);
      } catch (CancelledException e) {
        return StopReason.INTERRUPTED;
      }
      if (record.isEmpty()) {
        return judged.reason.or(session::ended).orElseThrow();
      }
      schedule.ifPresent(s -> s.committed(roundBegan, System.nanoTime()));
      rounds.add(record.get());
      listener.roundFinished(record.get());
      tellWarnings();
      if (judged.reason.isPresent()) {
        return judged.reason.get();
      }
    }
  }

  /**
   * Waits until the next round must begin; at once without an rpo.
   *
   * @return why there is no next round
   */
  private Optional<StopReason> awaitNext(long began) throws IOException {
    while (interruption.getCount() > 0) {
      long now = System.nanoTime();
      long wait = schedule.map(s -> s.untilNext(now)).orElse(0L);
      if (wait <= 0) {
        return Optional.empty();
      }
      if (options.deadline().isPresent() && now - began >= options.deadline().get().toNanos()) {
        return Optional.of(StopReason.DEADLINE);
      }
      Optional<StopReason> ended = session.endedByNow();
      if (ended.isPresent()) {
        return ended;
      }
      sleep(Math.min(wait, LOOK_NANOS));
    }
    return Optional.of(StopReason.INTERRUPTED);
  }

  private void sleep(long nanos) {
    try {
      interruption.await(nanos, TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      interrupt();
    }
  }

  /** Asks the policy about one round, and remembers what it said. */
  private final class Judged implements RoundJudge {
    private final long began;
    private Optional<StopReason> reason = Optional.empty();

    Judged(long began) {
      this.began = began;
    }

    @Override
    public boolean admits(long plannedBytes) throws IOException {
      reason = policy.admit(plannedBytes, session.freeDiskBytes());
      return reason.isEmpty();
    }

    @Override
    public long mostStoredBytes() {
      return policy.mostStoredBytes();
    }

    @Override
    public void overspent() {
      reason = Optional.of(StopReason.BYTE_BUDGET);
    }

    @Override
    public Optional<StopReason> judge(RoundRecord round) {
      reason = policy.judge(round, Duration.ofNanos(System.nanoTime() - began));
      return reason;
    }
  }

  private RunBounds bounds() {
    CopyLimits limits = session.brake().limits();
    long now = System.nanoTime();
    return new RunBounds(
        options.byteBudget(),
        limits.bytesPerSecond(),
        limits.cpuPercent(),
        limits.paced(),
        session.brake().waitedNanos() / 1000,
        micros(options.rpo().map(Duration::toNanos)),
        micros(schedule.filter(s -> !rounds.isEmpty()).map(s -> s.oldestNanos(now))));
  }

  private static OptionalLong micros(Optional<Long> nanos) {
    return nanos.isPresent() ? OptionalLong.of(nanos.get() / 1000) : OptionalLong.empty();
  }

  private void tellWarnings() {
    for (String warning : session.warnings()) {
      if (warned.add(warning)) {
        listener.warning(warning);
      }
    }
  }
}
