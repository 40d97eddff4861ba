package io.predump.junit;

import io.predump.criu.CriuProgram;
import io.predump.criu.CriuRestore;
import io.predump.criu.RestoreOptions;
import io.predump.criu.RestoreResult;
import io.predump.engine.FinalRound;
import io.predump.engine.MemoryVerifier;
import io.predump.engine.VerifyResult;
import io.predump.images.RoundRecord;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.opentest4j.AssertionFailedError;

/** A checkpoint that was taken, and what came of it. */
public final class Checkpoint {
  private static final String LEAVE_STOPPED = "--leave-stopped";

  private final RunningTarget target;
  private final Path images;
  private final Optional<CriuProgram> criu;
  private final List<RoundRecord> rounds;
  private final VerifyResult comparison;
  private final List<String> notVerified;

  Checkpoint(
      RunningTarget target,
      Path images,
      Optional<CriuProgram> criu,
      List<RoundRecord> liveRounds,
      FinalRound last,
      List<String> notVerified) {
    this.target = target;
    this.images = images;
    this.criu = criu;
    List<RoundRecord> all = new ArrayList<>(liveRounds);
    all.add(last.record());
    this.rounds = List.copyOf(all);
    this.comparison = last.verify().orElseThrow();
    this.notVerified = List.copyOf(notVerified);
  }

  /** {@return the directory that holds the rounds; removed after the test unless it was named} */
  public Path images() {
    return images;
  }

  /** {@return the figures of every round, the final one last} */
  public List<RoundRecord> rounds() {
    return rounds;
  }

  /** {@return the comparison of the committed files with memory, made under the final freeze} */
  public VerifyResult comparison() {
    return comparison;
  }

  /**
   * Asserts that every page in the images is the page that memory held in the final freeze, and
   * that the images lack none.
   *
   * @return this
   * @throws AssertionFailedError if a page differs; names mapping, page and round of the first
   *     ones. Also if nothing was compared, or if nobody can vouch for the images
   */
  public Checkpoint assertSameAsMemory() {
    if (!notVerified.isEmpty()) {
      throw new AssertionFailedError(
          "nobody can vouch for " + images + ": " + String.join("; ", notVerified));
    }
    MemoryDifferences.requireNone(images, target.description(), comparison);
    return this;
  }

  /**
   * Restores a whole checkpoint by {@code criu restore}, once the target is gone. Memory is
   * compared with the images before anything runs. Loads that broke off when the target ended are
   * forgotten.
   *
   * @param criuArguments further ones, such as {@code --tcp-established}
   * @throws IllegalStateException if the checkpoint was taken without CRIU
   * @throws IOException if a process of the target is still there after ten seconds; says which. Or
   *     if the restore fails
   */
  public Restored restore(String... criuArguments) throws IOException, InterruptedException {
    return restore(() -> {}, criuArguments);
  }

  /** What a test does to the target once it is back and still stopped. */
  interface WhileStopped {
    void act() throws IOException;
  }

  Restored restore(WhileStopped damage, String... criuArguments)
      throws IOException, InterruptedException {
    CriuProgram program =
        criu.orElseThrow(
            () -> new IllegalStateException("a checkpoint without CRIU cannot be restored"));
    List<String> arguments = new ArrayList<>(List.of(LEAVE_STOPPED));
    arguments.addAll(List.of(criuArguments));
    int round = rounds.get(rounds.size() - 1).round();
    RestoreOptions options =
        new RestoreOptions(
            images,
            OptionalInt.of(round),
            program,
            true,
            Optional.empty(),
            Runtime.getRuntime().availableProcessors(),
            arguments);
    target.forgetEndedLoads();
    TargetProcesses processes = target.processes();
    processes.awaitReaped(RunningTarget.END);
    RestoreResult result = new CriuRestore(options, running -> {}).run();
    processes.restored();
    processes.awaitStopped(RunningTarget.END);
    damage.act();
    VerifyResult restored = MemoryVerifier.againstRestored(images, round, processes.running());
    processes.resume();
    return new Restored(images, target, result, restored);
  }
}
