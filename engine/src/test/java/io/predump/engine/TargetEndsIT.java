package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.predump.images.ChainDirectory;
import io.predump.images.ChainVerifier;
import io.predump.images.ImageChain;
import io.predump.images.MmImage;
import io.predump.images.RoundRecord;
import io.predump.images.VmaImage;
import io.predump.linux.Pid;
import io.predump.linux.proc.MemoryMap;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.proc.Vma;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Targets that end while they are copied: an outcome, and the last committed round is good. */
@Tag("linux-6.1")
final class TargetEndsIT {
  private static final int SIGUSR1 = 10;
  private static final SessionOptions OPTIONS = SessionOptions.defaults("test");
  private static final LoopOptions LOOP =
      new LoopOptions(1000, Duration.ZERO, Optional.empty(), FinalMode.FREEZE, true);

  @TempDir Path directory;

  private LiveTarget exiter() throws IOException {
    return Targets.ready("exiter", 0, 7);
  }

  private LiveTarget execer() throws IOException {
    return Targets.ready("execer", 0, "/bin/sleep", "60");
  }

  private Path images() {
    return directory.resolve("images");
  }

  @Test
  void anExitBetweenRoundsEndsTheSession() throws IOException {
    try (LiveTarget target = exiter();
        PreDumpSession session = PreDumpSession.attach(target.pid(), images(), OPTIONS)) {
      assertThat(session.round()).isPresent();
      target.signal(SIGUSR1);
      Targets.await("exited", () -> !target.isAlive());

      assertThat(session.round()).isEmpty();
      assertThat(session.ended()).contains(StopReason.TARGET_EXITED);
      assertThatThrownBy(session::round)
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("the session has ended: the target exited");
      assertGoodRounds(1);
    }
  }

  @Test
  void anExitBeforeTheFreezeEndsTheSession() throws IOException {
    try (LiveTarget target = exiter();
        PreDumpSession session = PreDumpSession.attach(target.pid(), images(), OPTIONS)) {
      assertThat(session.round()).isPresent();
      target.signal(SIGUSR1);
      Targets.await("exited", () -> !target.isAlive());

      assertThat(session.finish(true)).isEmpty();
      assertThat(session.ended()).contains(StopReason.TARGET_EXITED);
      assertGoodRounds(1);
    }
  }

  @Test
  void anExecBetweenRoundsEndsTheSessionAndNothingOfTheNewProgramIsKept() throws IOException {
    try (LiveTarget target = execer();
        PreDumpSession session = PreDumpSession.attach(target.pid(), images(), OPTIONS)) {
      Program before = Program.of(target.pid());
      assertThat(session.round()).isPresent();
      exec(target);

      assertThat(session.round()).isEmpty();
      assertThat(session.ended()).contains(StopReason.TARGET_EXECED);
      assertGoodRounds(1);
      assertNothingNew(before);
      assertThat(target.isAlive()).as("the new program lives on").isTrue();
    }
  }

  @Test
  void anExecBeforeTheFreezeEndsTheSessionAndTheNewProgramRunsOn() throws IOException {
    try (LiveTarget target = execer();
        PreDumpSession session = PreDumpSession.attach(target.pid(), images(), OPTIONS)) {
      Program before = Program.of(target.pid());
      assertThat(session.round()).isPresent();
      exec(target);

      assertThat(session.finish(true)).isEmpty();
      assertThat(session.ended()).contains(StopReason.TARGET_EXECED);
      assertGoodRounds(1);
      assertNothingNew(before);
      Targets.await("not stopped", () -> Targets.threadStates(target.pid()).equals("S"));
    }
  }

  /** The control: the program that replaced it is another one in what the assertions look at. */
  @Test
  void theNewProgramCanBeToldFromTheOld() throws IOException {
    try (LiveTarget target = execer()) {
      Program before = Program.of(target.pid());
      exec(target);
      Program after = Program.of(target.pid());

      assertThat(after.startCode).isNotEqualTo(before.startCode);
      assertThat(before.ends).doesNotContainAnyElementsOf(after.ends.stream().limit(3).toList());
    }
  }

  @ParameterizedTest(name = "{0} ms into the first round")
  @ValueSource(ints = {0, 5, 15, 40, 80})
  void anExitInTheMiddleOfTheFirstRoundLeavesAtMostAWholeRound(int millis) throws Exception {
    try (LiveTarget target = exiter();
        PreDumpSession session = PreDumpSession.attach(target.pid(), images(), OPTIONS)) {
      RunResult result = runAndTell(session, target, 1, millis);

      assertThat(result.stopReason()).isEqualTo(StopReason.TARGET_EXITED);
      assertThat(result.freeze()).isEmpty();
      assertGoodRounds(result.rounds().size());
    }
  }

  @ParameterizedTest(name = "{0} ms into the third round")
  @ValueSource(ints = {0, 1, 2, 4, 8})
  void anExitInTheMiddleOfALaterRoundKeepsTheRoundsBefore(int millis) throws Exception {
    try (LiveTarget target = exiter();
        PreDumpSession session = PreDumpSession.attach(target.pid(), images(), OPTIONS)) {
      RunResult result = runAndTell(session, target, 3, millis);

      assertThat(result.stopReason()).isEqualTo(StopReason.TARGET_EXITED);
      assertThat(result.rounds()).hasSizeGreaterThanOrEqualTo(2);
      assertGoodRounds(result.rounds().size());
    }
  }

  @ParameterizedTest(name = "{0} ms into a round")
  @ValueSource(ints = {0, 1, 2, 4, 8, 16, 40})
  void anExecInTheMiddleOfARoundDropsItAndKeepsNothingOfTheNewProgram(int millis) throws Exception {
    try (LiveTarget target = execer();
        PreDumpSession session = PreDumpSession.attach(target.pid(), images(), OPTIONS)) {
      Program before = Program.of(target.pid());
      RunResult result = runAndTell(session, target, 1 + millis % 3, millis);

      assertThat(result.stopReason()).isEqualTo(StopReason.TARGET_EXECED);
      assertGoodRounds(result.rounds().size());
      assertNothingNew(before);
      assertThat(target.isAlive()).isTrue();
    }
  }

  /** Runs the loop; so long after the round began the target is told to end. */
  private static RunResult runAndTell(
      PreDumpSession session, LiveTarget target, int round, int millis) throws Exception {
    List<Thread> tellers = new ArrayList<>();
    LoopListener listener =
        new LoopListener() {
          @Override
          public void roundStarted(int started) {
            if (started == round) {
              Thread teller =
                  new Thread(
                      () -> {
                        LiveTarget.pause(millis);
                        target.signal(SIGUSR1);
                      });
              tellers.add(teller);
              teller.start();
            }
          }
        };
    List<RoundRecord> rounds = new ArrayList<>();
    RunResult last;
    do {
      // without progress the loop ends before the target does: the session goes on
      last = new PreDumpLoop(session, LOOP, listener).run();
      rounds.addAll(last.rounds());
    } while (!last.stopReason().targetGone());
    for (Thread teller : tellers) {
      teller.join();
    }
    return new RunResult(
        rounds,
        last.stopReason(),
        last.freeze(),
        last.verify(),
        last.warnings(),
        last.notVerified(),
        last.stoppedMicros());
  }

  private static void exec(LiveTarget target) throws IOException {
    target.signal(SIGUSR1);
    Targets.await("exec'ed", () -> ProcStatus.read(target.pid()).name().equals("sleep"));
    Targets.await("asleep", () -> Targets.threadStates(target.pid()).equals("S"));
  }

  /** So many rounds, no partial, and all of them sound. */
  private void assertGoodRounds(int count) throws IOException {
    List<String> expected = new ArrayList<>();
    for (int round = 1; round <= count; round++) {
      expected.add(String.format("%04d", round));
    }
    if (count > 0) {
      expected.add("latest");
    }
    assertThat(Targets.names(images())).isEqualTo(expected);
    if (count > 0) {
      assertThat(new ChainVerifier(2).verify(images()).problems()).isEmpty();
    }
  }

  private void assertNothingNew(Program before) throws IOException {
    for (int round : ChainDirectory.open(images()).roundNumbers()) {
      try (ImageChain chain = ImageChain.open(images(), round)) {
        int pid = chain.newest().manifest().processes().get(0).vpid();
        MmImage mm = chain.newest().mm(pid).orElseThrow();
        assertThat(mm.startCode()).isEqualTo(before.startCode);
        assertThat(before.ends)
            .as("mappings of round %d", round)
            .containsAll(mm.vmas().stream().map(VmaImage::end).toList());
        assertThat(chain.newest().manifest().processes().get(0).name()).isEqualTo(before.name);
      }
    }
  }

  /** A program as its address space shows it; ends, for a stack grows at its start. */
  private record Program(String name, long startCode, Set<Long> ends) {
    static Program of(Pid pid) throws IOException {
      ProcStatus status = ProcStatus.read(pid);
      return new Program(
          status.name(),
          status.layout().startCode(),
          MemoryMap.read(pid).vmas().stream().map(Vma::end).collect(Collectors.toSet()));
    }
  }
}
