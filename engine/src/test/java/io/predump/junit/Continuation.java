package io.predump.junit;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.criu.StockCriu;
import java.io.IOException;
import java.util.List;

/**
 * The proof for programs that print, line by line, what follows from all they did before: one that
 * was checkpointed at work, killed and restored prints what its twin prints to which nothing
 * happened, no line twice and none left out.
 */
final class Continuation {
  private static final int LINES_AFTER = 50;

  private Continuation() {}

  static void assertGoesOnLikeItsTwin(CheckpointTarget program, CheckpointTarget twin)
      throws Exception {
    Checkpoint checkpoint =
        program.checkpoint().rounds(4).withCriu(StockCriu.program().path()).take();
    checkpoint.assertSameAsMemory();
    assertThat(program.isRunning()).as("ended by the dump").isFalse();
    List<String> before = lines(program);

    checkpoint.restore().assertSameAsImages();

    List<String> lines = atLeast(before.size() + LINES_AFTER, program);
    assertThat(lines).startsWith(before.toArray(String[]::new));
    assertThat(lines).isEqualTo(atLeast(lines.size(), twin).subList(0, lines.size()));
  }

  /** {@return its lines, as soon as there are so many} */
  static List<String> atLeast(int count, CheckpointTarget target) throws Exception {
    List<String> lines = lines(target);
    while (lines.size() < count) {
      assertThat(target.isRunning()).as("runs, having printed %s lines", lines.size()).isTrue();
      Thread.sleep(20);
      lines = lines(target);
    }
    return lines;
  }

  /** {@return its whole lines so far} */
  static List<String> lines(CheckpointTarget target) throws IOException {
    String text = target.printed();
    return text.substring(0, text.lastIndexOf('\n') + 1).lines().toList();
  }
}
