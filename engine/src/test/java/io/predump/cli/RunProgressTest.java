package io.predump.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.cli.RunProgress.Style;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class RunProgressTest {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();
  private final Interruption interruption = Interruption.begin();
  private long nanos;

  @AfterEach
  void endInterruption() {
    interruption.close();
  }

  private RunProgress progress(Style style) {
    return new RunProgress(
        new Terminal(
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            style == Style.LIVE,
            interruption),
        style,
        () -> nanos);
  }

  private String shown() {
    assertThat(out.toString(StandardCharsets.UTF_8)).isEmpty();
    return err.toString(StandardCharsets.UTF_8);
  }

  @Test
  void aLongRoundShowsABarThatIsClearedAtItsEnd() {
    RunProgress progress = progress(Style.LIVE);
    progress.roundStarted(1);
    nanos = RunProgress.BAR_AFTER_NANOS;
    progress.progress(1, 30 << 20, 120 << 20);
    String bar =
        "round 1 [#######.......................]  25 %  30.0 MiB of 120.0 MiB  100.0 MiB/s";
    assertThat(shown()).isEqualTo("\r" + bar);
    progress.roundFinished(Samples.firstRound());
    assertThat(shown())
        .isEqualTo(
            "\r"
                + bar
                + "\r"
                + " ".repeat(bar.length())
                + "\r"
                + RoundTable.TABLE.header()
                + "\n"
                + RoundTable.TABLE.line(RoundTable.cells(Samples.firstRound()))
                + "\n");
  }

  @Test
  void aShortRoundShowsNoBar() {
    RunProgress progress = progress(Style.LIVE);
    progress.roundStarted(1);
    nanos = RunProgress.BAR_AFTER_NANOS - 1;
    progress.progress(1, 1 << 20, 2 << 20);
    assertThat(shown()).isEmpty();
  }

  @Test
  void withoutATerminalEachRoundIsASentence() {
    RunProgress progress = progress(Style.LINES);
    progress.attached("uffd-wp");
    progress.roundStarted(2);
    nanos = 10 * RunProgress.BAR_AFTER_NANOS;
    progress.progress(2, 1, 2);
    progress.thawed(Samples.freeze());
    progress.roundFinished(Samples.finalRound());
    assertThat(shown())
        .isEqualTo(
            "tracker: uffd-wp\nthawed after 2.0 ms\n"
                + RoundTable.sentence(Samples.finalRound())
                + "\n");
  }

  @Test
  void quietMeansWarningsOnlyAndEachOnce() {
    RunProgress progress = progress(Style.QUIET);
    progress.attached("uffd-wp");
    progress.warning("shared file");
    progress.warning("shared file");
    progress.roundFinished(Samples.firstRound());
    assertThat(shown()).isEqualTo("warning: shared file\n");
  }
}
