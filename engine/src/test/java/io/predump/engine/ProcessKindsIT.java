package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.linux.KernelFeatures;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.proc.ProcessTree;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.ThrowingSupplier;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Processes of awkward kinds: what is in the images is what is in memory, and afterwards they are
 * as they were.
 */
final class ProcessKindsIT {
  private static final SessionOptions OPTIONS = SessionOptions.defaults("test");
  private static final int SIGHUP = 1;
  private static final int SIGCONT = 18;
  private static final int SIGSTOP = 19;

  @TempDir Path directory;
  private @Nullable LiveTarget launched;

  @AfterEach
  void end() throws IOException {
    if (launched != null) {
      launched.close();
    }
  }

  private LiveTarget start(String kind, String... launcher) throws IOException {
    List<String> command = new ArrayList<>(List.of(launcher));
    command.add(Targets.program("guise").executable().toString());
    command.add(kind);
    LiveTarget target = LiveTarget.start(command);
    launched = target;
    assertThat(target.nextLine()).isEqualTo("ready");
    return target;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"plain", "threads", "churn", "strict", "errno", "trap", "kill", "undumpable"})
  void isCapturedAndGoesOnAsItWas(String kind) throws IOException {
    LiveTarget target = start(kind);
    FinalRound last = copy(target, target.pid(), OPTIONS);
    if (kind.equals("threads")) {
      assertThat(last.freeze().threadCount()).isEqualTo(101);
    }
  }

  /** The main thread waits where nothing can stop it, and its child writes to its memory. */
  @Test
  void aProcessThatWaitsForItsVforkedChildIsCapturedWithTheChild() throws IOException {
    LiveTarget target = start("vfork");
    Targets.await("vforked", () -> waitsForVfork(target));

    FinalRound last = copy(target, target.pid(), OPTIONS);

    assertThat(last.freeze().threadCount()).as("two, and the child").isEqualTo(3);
    assertThat(last.freeze().stopMicros()).as("no waiting in vain").isLessThan(190_000);
  }

  @Test
  void aProcessWhoseMainThreadHasEndedIsCapturedThroughAnother() throws IOException {
    LiveTarget target = start("dead-leader");
    Targets.await("ended", () -> ProcStatus.read(target.pid()).isDead());

    FinalRound last = copy(target, target.pid(), OPTIONS);

    assertThat(last.freeze().threadCount()).isEqualTo(2);
    assertThat(Targets.threadStates(target.pid())).startsWith("Z").hasSize(3);
  }

  @Test
  void aMainThreadThatEndsBetweenRoundsChangesNothing() throws IOException {
    LiveTarget target = start("dying-leader");
    try (PreDumpSession session =
        PreDumpSession.attach(target.pid(), directory.resolve("images"), OPTIONS)) {
      assertThat(session.round()).isPresent();
      target.signal(SIGHUP);
      Targets.await("ended", () -> ProcStatus.read(target.pid()).isDead());

      assertThat(session.round()).isPresent();
      assertWorks(target);
      assertSame(session.finish(true).orElseThrow());
    }
    assertWorks(target);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 3, 6, 12, 25})
  void aMainThreadThatEndsInTheMiddleOfARoundSpoilsNothing(int millis) throws Exception {
    LiveTarget target = start("dying-leader");
    try (PreDumpSession session =
        PreDumpSession.attach(target.pid(), directory.resolve("images"), OPTIONS)) {
      Thread teller =
          new Thread(
              () -> {
                LiveTarget.pause(millis);
                target.signal(SIGHUP);
              });
      teller.start();
      assertThat(session.round()).isPresent();
      teller.join();
      Targets.await("ended", () -> ProcStatus.read(target.pid()).isDead());
      assertSame(session.finish(true).orElseThrow());
    }
    assertWorks(target);
  }

  @Test
  void aStoppedProcessIsCapturedAndStaysStopped() throws IOException {
    LiveTarget target = start("threads");
    steps(target);
    target.signal(SIGSTOP);
    Targets.await("stopped", () -> Targets.threadStates(target.pid()).matches("T+"));
    String before = signals(target.pid());
    try (PreDumpSession session =
        PreDumpSession.attach(target.pid(), directory.resolve("images"), OPTIONS)) {
      assertThat(session.round()).isPresent();
      assertSame(session.finish(true).orElseThrow());
    }
    Targets.await("stopped again", () -> Targets.threadStates(target.pid()).matches("T+"));
    LiveTarget.pause(50);
    assertThat(Targets.threadStates(target.pid())).matches("T{101}");
    assertThat(signals(target.pid())).isEqualTo(before);
    target.signal(SIGCONT);
    assertWorks(target);
  }

  @Test
  void aProcessInNamespacesOfItsOwnIsCapturedUnderThePidItKnows() throws IOException {
    LiveTarget target = start("plain", "unshare", "-Urpfm", "--kill-child", "--mount-proc");
    Pid inner = ProcessTree.children(target.pid()).get(0);
    assertThat(ProcStatus.read(inner).namespacePids()).hasSize(2).endsWith(1);

    copy(target, inner, OPTIONS);

    assertThat(Targets.names(directory.resolve("images").resolve("0001")))
        .contains("pagemap-1.img", "mm-1.img");
  }

  @Test
  void anotherUsersProcessIsCaptured() throws IOException {
    LiveTarget target =
        start("plain", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups");
    assertThat(ProcStatus.read(target.pid()).uid()).isEqualTo(65534);
    copy(target, target.pid(), OPTIONS);
  }

  /** Reading a hole would be a fault that its own handler has to answer: none is read. */
  @Test
  void holesThatTheTargetFillsItselfStayHoles() throws IOException {
    LiveTarget target = start("missing");
    Targets.await("all touched", () -> faults(target) == 256);
    copy(target, target.pid(), OPTIONS);
    assertThat(faults(target)).as("faults, after as before").isEqualTo(256);
  }

  @Test
  void memoryThatTheTargetProtectsItselfIsComparedAndItsFaultsAreItsOwn() throws IOException {
    LiveTarget target = start("protected");
    copy(target, target.pid(), OPTIONS);
    long before = faults(target);
    Targets.await("its own faults go on", () -> faults(target) > before);
  }

  @Test
  void aChildThatSharesTheMemoryAndThatSingleLeavesOutIsRefused() throws IOException {
    LiveTarget target = start("vfork");
    Targets.await("vforked", () -> waitsForVfork(target));

    assertThat(message(() -> attachAlone(target, TestHooks.NONE))).isEqualTo(leftOut(target));
    assertWorks(target);
  }

  @Test
  void aChildVforkedAfterTheLastRoundThatSingleLeavesOutForbidsTheFreeze() throws IOException {
    LiveTarget target = start("vfork-later");
    try (PreDumpSession session = attachAlone(target, TestHooks.NONE)) {
      assertThat(session.round()).isPresent();
      target.signal(SIGHUP);
      Targets.await("vforked", () -> waitsForVfork(target));

      assertThat(message(() -> session.finish(true))).isEqualTo(leftOut(target));
      assertWorks(target);
    }
    assertWorks(target);
  }

  /** The control: the child writes on, and the comparison sees it. */
  @Test
  void withoutThatCheckTheImagesDifferFromTheMemory() throws IOException {
    LiveTarget target = start("vfork-later");
    try (PreDumpSession session = attachAlone(target, TestHooks.without(Protection.SHARERS))) {
      assertThat(session.round()).isPresent();
      target.signal(SIGHUP);
      Targets.await("vforked", () -> waitsForVfork(target));

      assertThat(session.finish(true).orElseThrow().verify().orElseThrow().different())
          .isPositive();
    }
  }

  private static boolean waitsForVfork(LiveTarget target) throws IOException {
    return ProcStatus.waitsForVfork(target.pid(), target.pid().number());
  }

  private PreDumpSession attachAlone(LiveTarget target, TestHooks hooks) throws IOException {
    return PreDumpSession.attach(
        target.pid(),
        directory.resolve("images"),
        OPTIONS.withSingle(true),
        KernelFeatures.current(),
        hooks);
  }

  private static String leftOut(LiveTarget target) throws IOException {
    return "pid=%s (%s) shares its memory with pid=%s, which --single leaves out: it would not be frozen"
        .formatted(
            target.pid(),
            ProcStatus.read(target.pid()).name(),
            ProcessTree.children(target.pid()).get(0));
  }

  private static String message(ThrowingSupplier<?> action) {
    try {
      action.get();
      return "nothing was refused";
    } catch (Throwable e) {
      return String.valueOf(e.getMessage());
    }
  }

  /** Rounds, a freeze, a comparison; then the target is as it was, and works. */
  private FinalRound copy(LiveTarget target, Pid pid, SessionOptions options) throws IOException {
    steps(target);
    String before = signals(pid);
    FinalRound last;
    try (PreDumpSession session =
        PreDumpSession.attach(
            pid, directory.resolve("images"), options, KernelFeatures.current(), TestHooks.NONE)) {
      for (int round = 1; round <= 3; round++) {
        assertThat(session.round()).isPresent();
        assertWorks(target);
      }
      last = session.finish(true).orElseThrow();
      assertWorks(target);
    }
    assertSame(last);
    assertWorks(target);
    assertThat(signals(pid)).as("masks and pending signals").isEqualTo(before);
    for (int tid : ProcStatus.threads(pid)) {
      try {
        assertThat(ProcStatus.readThread(pid, tid).tracerPid()).as("traced").isZero();
      } catch (SyscallException e) {
        // a thread of a moment
      }
    }
    assertThat(Targets.threadStates(pid)).doesNotContain("T").doesNotContain("t");
    return last;
  }

  private static void assertSame(FinalRound last) {
    VerifyResult verify = last.verify().orElseThrow();
    assertThat(verify.firstDifferences()).isEmpty();
    assertThat(verify.different()).isZero();
    assertThat(verify.compared()).isGreaterThan(100);
  }

  private static void assertWorks(LiveTarget target) throws IOException {
    long before = steps(target);
    Targets.await("works", () -> steps(target) > before + 2);
  }

  private static String[] answer(LiveTarget target) throws IOException {
    String answer = target.ask("well?");
    assertThat(answer).as("the target's own check").startsWith("ok ");
    return answer.split(" ", -1);
  }

  private static long steps(LiveTarget target) throws IOException {
    return Long.parseLong(answer(target)[1]);
  }

  private static long faults(LiveTarget target) throws IOException {
    return Long.parseLong(answer(target)[2]);
  }

  /** Blocked and pending signals of the main thread, and those pending for the process. */
  private static String signals(Pid pid) throws IOException {
    StringBuilder signals = new StringBuilder();
    for (String line : Files.readAllLines(Path.of(pid.procPath("status")))) {
      if (line.matches("(SigPnd|ShdPnd|SigBlk|SigIgn|SigCgt):.*")) {
        signals.append(line).append('\n');
      }
    }
    assertThat(signals.toString()).contains("SigPnd:").contains("SigBlk:\t0000000000000a00");
    return signals.toString();
  }
}
