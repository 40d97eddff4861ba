package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.predump.engine.TargetRefusedException.Kind;
import io.predump.linux.Pid;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two processes with one address space: both must stand still, or nothing does. */
@Tag("linux-6.1")
@Tag("linux-6.12")
final class SharedAddressSpaceIT {
  private static final SessionOptions OPTIONS = SessionOptions.defaults("test");

  @TempDir Path directory;

  @Test
  void aChildThatWritesToTheSameMemoryIsFrozenWithItsParent() throws IOException {
    try (LiveTarget target = LiveTarget.start(Targets.program("sharer"))) {
      Pid child = childOf(target);
      try (PreDumpSession session =
          PreDumpSession.attach(target.pid(), directory.resolve("images"), OPTIONS)) {
        assertThat(session.round()).isPresent();
        assertThat(session.round()).isPresent();
        FinalRound last = session.finish(true).orElseThrow();

        assertThat(last.verify().orElseThrow().firstDifferences()).isEmpty();
        assertThat(last.verify().orElseThrow().different()).isZero();
        assertThat(last.freeze().threadCount()).as("the child too").isEqualTo(2);
      }
      assertRunsOn(target.pid());
      assertRunsOn(child);
      long before = Targets.work(child);
      Targets.await("the child writes on", () -> Targets.work(child) > before + 2);
    }
  }

  @Test
  void aProcessThatSharesItsMemoryWithOneOutsideItsTreeIsRefused() throws IOException {
    try (LiveTarget parent = LiveTarget.start(Targets.program("sharer"))) {
      Pid child = childOf(parent);
      Path images = directory.resolve("images");

      TargetRefusedException refused =
          catchThrowableOfType(
              TargetRefusedException.class,
              () -> PreDumpSession.attach(child, images, OPTIONS).close());

      assertThat(refused).as("refused").isNotNull();
      assertThat(refused.kind()).isEqualTo(Kind.LACKING);
      assertThat(refused)
          .hasMessage(
              "pid=%1$d (%3$s) shares its memory with pid=%2$d, which is not below pid=%1$d and would not"
                  + " be frozen: name a common parent",
              child.number(), parent.pid().number(), ProcStatus.read(child).name());
      assertThat(images).as("nothing is left behind").doesNotExist();
      assertRunsOn(child);
    }
  }

  private static Pid childOf(LiveTarget target) throws IOException {
    Pid child = new Pid(Integer.parseInt(target.nextLine()));
    assertThat(target.nextLine()).isEqualTo("ready");
    return child;
  }

  private static void assertRunsOn(Pid pid) throws IOException {
    assertThat(ProcStatus.read(pid).tracerPid()).isZero();
    assertThat(Targets.threadStates(pid)).doesNotContain("T").doesNotContain("t");
  }
}
