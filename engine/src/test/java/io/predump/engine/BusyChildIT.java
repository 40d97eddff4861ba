package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.predump.engine.TargetRefusedException.Kind;
import io.predump.linux.KernelFeatures;
import io.predump.linux.Pid;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A child that cannot be stopped when its tree is attached to. */
final class BusyChildIT {
  private static final int PAGES = 1024;

  @TempDir Path directory;

  @Test
  void isTakenInByALaterRound() throws IOException {
    try (LiveTarget target = LiveTarget.start(Targets.program("vforker"), "2500")) {
      Pid child = blocked(target);
      try (PreDumpSession session = attach(target, TestHooks.NONE)) {
        assertThat(session.warnings())
            .anyMatch(
                warning ->
                    warning.contains(" " + child + ":")
                        && warning.endsWith("a later round takes it in"));
        assertThat(session.round()).isPresent();
        Targets.await("the child runs", () -> ProcStatus.threadState(child, child.number()) == 'S');
        FinalRound last = session.finish(true).orElseThrow();

        assertThat(last.verify().orElseThrow().firstDifferences()).isEmpty();
        assertThat(last.verify().orElseThrow().compared()).isGreaterThan(PAGES);
        assertThat(last.freeze().threadCount()).as("the child too").isEqualTo(2);
      }
      assertThat(target.isAlive()).isTrue();
    }
  }

  /** The control: it used to fail the whole tree. */
  @Test
  void wouldFailItsTree() throws IOException {
    try (LiveTarget target = LiveTarget.start(Targets.program("vforker"), "2500")) {
      blocked(target);

      TargetRefusedException refused =
          catchThrowableOfType(
              TargetRefusedException.class,
              () -> attach(target, TestHooks.without(Protection.BUSY_CHILD_LATER)).close());

      assertThat(refused).isNotNull();
      assertThat(refused.kind()).isEqualTo(Kind.BUSY);
    }
  }

  private PreDumpSession attach(LiveTarget target, TestHooks hooks) throws IOException {
    return PreDumpSession.attach(
        target.pid(),
        directory.resolve("images"),
        SessionOptions.defaults("test"),
        KernelFeatures.current(),
        hooks);
  }

  private static Pid blocked(LiveTarget target) throws IOException {
    Pid child = new Pid(Integer.parseInt(target.nextLine()));
    assertThat(target.nextLine()).isEqualTo("ready");
    Targets.await("it blocks", () -> ProcStatus.threadState(child, child.number()) == 'D');
    return child;
  }
}
