package io.predump.junit;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.engine.Targets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * A program whose every line says what all of its memory adds up to, and that adds it up anew now
 * and then. {@code predump.sequence.mebibytes} makes it smaller.
 */
final class SequenceRestoreIT {
  private static final String PROGRAM = Targets.program("sequence").executable().toString();
  private static final String MEBIBYTES =
      Integer.getInteger("predump.sequence.mebibytes", 1024).toString();

  @RegisterExtension final CheckpointTarget sequence = sequence();

  @RegisterExtension final CheckpointTarget twin = sequence();

  private static CheckpointTarget sequence() {
    return CheckpointTarget.command(PROGRAM, MEBIBYTES).readyWhenPrinted("\n").build();
  }

  @Test
  void goesOnWithoutAGapAndItsSumsAreRight() throws Exception {
    Continuation.assertGoesOnLikeItsTwin(sequence, twin);
  }

  /** The control: the program notices one wrong byte. */
  @Test
  void aByteThatIsLostMakesItsSumsWrong() throws Exception {
    long last = TargetMemory.mapping(sequence.pid(), Long.parseLong(MEBIBYTES) << 20).end() - 1;
    for (int i = 0; i < 20 && sequence.isRunning(); i++) {
      TargetMemory.turnOver(sequence.pid(), last); // again, if the program has written the page
      Thread.sleep(1000);
      last -= 4096;
    }

    assertThat(sequence.isRunning()).isFalse();
    assertThat(sequence.printed()).containsPattern("\nwrong \\d+\n$");
  }
}
