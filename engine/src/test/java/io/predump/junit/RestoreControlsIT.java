package io.predump.junit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.predump.criu.StockCriu;
import io.predump.engine.Targets;
import io.predump.linux.proc.Vma;
import java.io.IOException;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.opentest4j.AssertionFailedError;

/** What makes a restore, and the comparison after it, fail. */
final class RestoreControlsIT {
  private static final String PROGRAM = Targets.program("sequence").executable().toString();

  @RegisterExtension
  final CheckpointTarget sequence =
      CheckpointTarget.command(PROGRAM, "8").readyWhenPrinted("\n").build();

  @Test
  void aPageThatComesBackWrongIsNamedWithItsMappingAndItsRound() throws Exception {
    Vma victim = TargetMemory.mapping(sequence.pid(), 8 << 20);
    Checkpoint checkpoint =
        sequence.checkpoint().rounds(1).withCriu(StockCriu.program().path()).take();

    Restored restored =
        checkpoint.restore(() -> TargetMemory.turnOver(sequence.pid(), victim.end() - 1));

    int round = restored.comparison().firstDifferences().get(0).round();
    assertThat(round).as("%s", restored.comparison().firstDifferences()).isBetween(1, 2);
    assertThatThrownBy(restored::assertSameAsImages)
        .isInstanceOf(AssertionFailedError.class)
        .hasMessage(
            "1 of %,d pages in %s are not what the memory of pid=%s (%s), restored, holds:%n"
                    .formatted(
                        restored.comparison().compared(),
                        checkpoint.images(),
                        restored.pid(),
                        PROGRAM)
                + "  page 0x%x of VMA %s: round %04d holds other bytes"
                    .formatted(victim.end() - 4096, victim, round));
  }

  @Test
  void aTargetThatStillRunsIsNotRestored() throws Exception {
    Checkpoint checkpoint =
        sequence
            .checkpoint()
            .rounds(1)
            .withCriu(StockCriu.program().path())
            .leaveRunning()
            .take()
            .assertSameAsMemory();
    assertThat(sequence.isRunning()).isTrue();

    assertThatThrownBy(() -> sequence.processes().awaitReaped(Duration.ofMillis(100)))
        .isInstanceOf(IOException.class)
        .hasMessageMatching("pid=" + sequence.pid() + " \\(sequence-.*\\) still runs");
    assertThat(checkpoint.images()).isDirectory();
  }

  @Test
  void aCheckpointWithoutCriuIsNotRestored() throws Exception {
    Checkpoint checkpoint = sequence.checkpoint().rounds(0).take();

    assertThatThrownBy(checkpoint::restore)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("a checkpoint without CRIU cannot be restored");
  }
}
