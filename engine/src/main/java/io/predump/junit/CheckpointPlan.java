package io.predump.junit;

import io.predump.criu.AfterDump;
import io.predump.criu.CriuDump;
import io.predump.criu.CriuProgram;
import io.predump.criu.DumpOptions;
import io.predump.engine.FinalRound;
import io.predump.engine.PreDumpSession;
import io.predump.engine.SessionOptions;
import io.predump.images.ImageChain;
import io.predump.images.RoundRecord;
import io.predump.linux.Pid;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.opentest4j.AssertionFailedError;

/** How a checkpoint is to be taken; {@link #take} takes it. Used by one thread. */
public final class CheckpointPlan {
  private static final int ROUNDS = 3;
  private static final Duration PAUSE = Duration.ofMillis(50);

  /** Attaches a session; tests put a wrong one in its place. */
  interface Attachment {
    PreDumpSession attach(Pid target, Path images, SessionOptions options) throws IOException;
  }

  private final RunningTarget target;
  private int rounds = ROUNDS;
  private Duration pause = PAUSE;
  private Optional<Path> images = Optional.empty();
  private SessionOptions options = SessionOptions.defaults(version());
  private Attachment attachment = PreDumpSession::attach;
  private Optional<CriuProgram> criu = Optional.empty();
  private DumpOptions dumpOptions = DumpOptions.DEFAULT;

  CheckpointPlan(RunningTarget target) {
    this.target = target;
  }

  /**
   * Sets how many rounds are taken while the target runs, before the final one; 3 if not set.
   *
   * @return this
   */
  public CheckpointPlan rounds(int count) {
    if (count < 0) {
      throw new IllegalArgumentException("rounds=" + count + ": 0 or more");
    }
    rounds = count;
    return this;
  }

  /**
   * Sets how long the target works between two rounds; 50 ms if not set.
   *
   * @return this
   */
  public CheckpointPlan pause(Duration between) {
    pause = between;
    return this;
  }

  /**
   * Names the directory for the images, which then stays after the test.
   *
   * @param directory missing, or with earlier rounds of this target
   * @return this
   */
  public CheckpointPlan into(Path directory) {
    images = Optional.of(directory);
    return this;
  }

  /**
   * Changes how the engine copies.
   *
   * @return this
   */
  public CheckpointPlan options(UnaryOperator<SessionOptions> change) {
    options = change.apply(options);
    return this;
  }

  /**
   * Makes it a whole checkpoint, by the criu that {@code PREDUMP_CRIU} names, else the first of the
   * PATH. The target ends with it, unless {@link #leaveRunning} is called, and can be restored.
   *
   * @return this
   * @throws io.predump.criu.CriuException if there is none that will do
   */
  public CheckpointPlan withCriu() throws IOException {
    criu = Optional.of(CriuProgram.find(Optional.empty()));
    return this;
  }

  /**
   * Makes it a whole checkpoint, by this criu.
   *
   * @return this
   * @throws io.predump.criu.CriuException if it will not do
   */
  public CheckpointPlan withCriu(Path program) throws IOException {
    criu = Optional.of(CriuProgram.find(Optional.of(program)));
    return this;
  }

  /**
   * Adds arguments for {@code criu dump}, such as {@code --tcp-established}.
   *
   * @return this
   */
  public CheckpointPlan dumpArguments(String... arguments) {
    List<String> all = new ArrayList<>(dumpOptions.extraArguments());
    all.addAll(List.of(arguments));
    dumpOptions = dumpOptions.withExtraArguments(all);
    return this;
  }

  /**
   * Lets the target run on after a whole checkpoint. Without CRIU it always does.
   *
   * @return this
   */
  public CheckpointPlan leaveRunning() {
    dumpOptions = dumpOptions.withAfterDump(AfterDump.RUNNING);
    return this;
  }

  CheckpointPlan attachedBy(Attachment other) {
    attachment = other;
    return this;
  }

  /**
   * Takes the checkpoint: the rounds, then the final freeze, in which the committed files are
   * compared with memory.
   *
   * @throws AssertionFailedError if a load of the target did no work, or the target ended before
   * @throws IOException if a round cannot be taken, or CRIU fails; the target then runs on
   */
  public Checkpoint take() throws IOException, InterruptedException {
    Path directory = images.isPresent() ? images.get() : target.newImages();
    target.requireLoads();
    List<RoundRecord> records = new ArrayList<>();
    try (PreDumpSession session = attachment.attach(target.pid(), directory, options)) {
      for (int i = 0; i < rounds; i++) {
        records.add(session.round().orElseThrow(() -> ended(session)));
        Thread.sleep(pause.toMillis());
      }
      target.requireLoads();
      FinalRound last = finish(session).orElseThrow(() -> ended(session));
      try (ImageChain chain = ImageChain.open(directory)) {
        target.processes().include(chain.newest().manifest().processes());
      }
      return new Checkpoint(target, directory, criu, records, last, session.notVerified());
    }
  }

  private Optional<FinalRound> finish(PreDumpSession session) throws IOException {
    if (criu.isEmpty()) {
      return session.finish(true);
    }
    try (CriuDump dump = CriuDump.prepare(criu.get(), dumpOptions)) {
      return session.finish(dump, true);
    }
  }

  private static String version() {
    String version = CheckpointPlan.class.getPackage().getImplementationVersion();
    return version == null ? "development" : version;
  }

  private AssertionFailedError ended(PreDumpSession session) {
    return new AssertionFailedError(
        "no checkpoint of "
            + target.description()
            + ": "
            + session.ended().orElseThrow().sentence()
            + target.lastWords());
  }
}
