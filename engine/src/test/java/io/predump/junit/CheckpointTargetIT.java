package io.predump.junit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.predump.engine.PreDumpSession;
import io.predump.engine.TamperedSession;
import io.predump.engine.Targets;
import io.predump.linux.Pid;
import io.predump.linux.proc.ProcessTree;
import io.predump.linux.proc.Vma;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.opentest4j.AssertionFailedError;

/** The extension without CRIU, and what makes its tests fail. */
final class CheckpointTargetIT {
  private static final String SEQUENCE = Targets.program("sequence").executable().toString();

  private final CheckpointTarget sequence =
      CheckpointTarget.command(SEQUENCE, "8").readyWhenPrinted("\n").build();

  private boolean started;

  @AfterEach
  void end() throws Exception {
    if (started) {
      sequence.end(false);
    }
  }

  private void start() throws Exception {
    sequence.start();
    started = true;
  }

  @Test
  void everyPageOfAWritingProgramIsInTheImages() throws Exception {
    start();

    Checkpoint checkpoint = sequence.checkpoint().rounds(4).take().assertSameAsMemory();

    assertThat(checkpoint.rounds()).hasSize(5);
    assertThat(checkpoint.comparison().compared()).isGreaterThan(2048);
    assertThat(sequence.isRunning()).isTrue();
  }

  /** The control: one byte of one page is another. */
  @Test
  void aPageThatDiffersIsNamedWithItsMappingAndItsRound() throws Exception {
    start();
    Vma victim = TargetMemory.mapping(sequence.pid(), 8 << 20);
    Checkpoint checkpoint =
        sequence
            .checkpoint()
            .rounds(1)
            .attachedBy(
                (pid, images, options) ->
                    TamperedSession.attach(pid, images, options, () -> victim.end() - 1))
            .take();

    String round =
        "round %04d".formatted(checkpoint.comparison().firstDifferences().get(0).round());
    assertThatThrownBy(checkpoint::assertSameAsMemory)
        .isInstanceOf(AssertionFailedError.class)
        .hasMessage(
            "1 of %,d pages in %s are not what the memory of pid=%s (%s) holds:%n"
                    .formatted(
                        checkpoint.comparison().compared(),
                        checkpoint.images(),
                        sequence.pid(),
                        SEQUENCE)
                + "  page 0x%x of VMA %s: %s holds other bytes"
                    .formatted(victim.end() - 4096, victim, round));
    assertThat(round).isIn("round 0001", "round 0002");
  }

  @Test
  void theTargetIsNoChildOfOursAndLeadsItsSession() throws Exception {
    start();
    ProcStat stat = ProcStat.read(sequence.pid().number()).orElseThrow();

    assertThat(ProcessTree.isOwnChild(sequence.pid())).isFalse();
    assertThat(stat.session()).isEqualTo(sequence.pid().number());
    assertThat(Path.of(sequence.pid().procPath("cwd")).toRealPath())
        .isEqualTo(sequence.directory().toRealPath());
  }

  @Test
  void atTheEndEveryProcessIsKilledAndReapedAndTheFilesAreGone() throws Exception {
    CheckpointTarget tree =
        CheckpointTarget.command(
                "sh", "-c", "sleep 1000 & setsid sleep 1001 & (sleep 1002 &); exec sleep 1003")
            .readyWhen(target -> names(target.pids()).equals(Collections.nCopies(4, "sleep")))
            .build();
    tree.start();
    TargetProcesses processes = tree.processes();
    List<Pid> pids = tree.pids();
    Path directory = tree.directory();
    Path images = tree.checkpoint().rounds(0).take().images();
    assertThat(images).isDirectory();

    tree.end(false);

    processes.awaitReaped(Duration.ofSeconds(10));
    assertThat(pids).allSatisfy(pid -> assertThat(Path.of(pid.procPath(""))).doesNotExist());
    assertThat(directory).doesNotExist();
    assertThat(images.getParent()).doesNotExist();
  }

  @Test
  void aLoadThatFailsFailsTheCheckpoint() throws Exception {
    start();
    AtomicInteger calls = new AtomicInteger();
    Load load =
        sequence.load(
            () -> {
              if (calls.incrementAndGet() > 3) {
                throw new IOException("connection reset");
              }
              Thread.sleep(10);
            });
    while (load.repetitions() < 3) {
      Thread.sleep(5);
    }

    assertThatThrownBy(() -> sequence.checkpoint().pause(Duration.ofMillis(100)).take())
        .isInstanceOf(AssertionFailedError.class)
        .hasMessage("the load ended before the checkpoint: an action, done 3 times")
        .hasRootCauseMessage("connection reset");
  }

  @Test
  void aProgramThatDoesNotLastFailsTheCheckpoint() throws Exception {
    start();
    sequence.load("sh", "-c", "exit 0");
    Thread.sleep(500);

    assertThatThrownBy(() -> sequence.checkpoint().take())
        .hasMessage("the load ended before the checkpoint: sh");
  }

  @Test
  void aTargetThatEndsOnTheWayFailsTheCheckpoint() throws Exception {
    CheckpointTarget brief =
        CheckpointTarget.command(
                "sh", "-c", "echo last words; until [ -e end ]; do sleep 0.1; done")
            .readyWhenPrinted("words")
            .build();
    brief.start();
    try {
      CheckpointPlan plan =
          brief
              .checkpoint()
              .rounds(50)
              .pause(Duration.ofMillis(100))
              .attachedBy(
                  (pid, images, options) -> {
                    PreDumpSession session = PreDumpSession.attach(pid, images, options);
                    Files.createFile(brief.directory().resolve("end"));
                    return session;
                  });
      assertThatThrownBy(plan::take)
          .isInstanceOf(AssertionFailedError.class)
          .hasMessage(
              "no checkpoint of pid=%s (sh): the target exited; it printed last: last words"
                  .formatted(brief.pid()));
    } finally {
      brief.end(false);
    }
  }

  @Test
  void aTargetThatIsNeverReadySaysWhatItPrinted() {
    assertThatThrownBy(
            () ->
                CheckpointTarget.command("sh", "-c", "echo starting; exec sleep 1000")
                    .readyWhenListening()
                    .readyWithin(Duration.ofMillis(300))
                    .build()
                    .start())
        .isInstanceOf(AssertionFailedError.class)
        .hasMessage("sh: not ready after 300 ms; it printed last: starting")
        .hasRootCauseInstanceOf(IOException.class);
    assertThatThrownBy(
            () -> CheckpointTarget.command("/no/such/program").readyWhenListening().build().start())
        .hasMessageContaining("ended")
        .hasMessageContaining("/no/such/program");
  }

  @Test
  void anUnregisteredTargetSaysSo() {
    assertThatThrownBy(sequence::pid)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(SEQUENCE + " is not started: is the field annotated with @RegisterExtension?");
  }

  private static List<String> names(List<Pid> pids) {
    return pids.stream().map(pid -> ProcStat.read(pid.number()).orElseThrow().name()).toList();
  }
}
