package io.predump.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.engine.TrackerPlan;
import io.predump.linux.KernelFeatures;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MainTest {
  @TempDir Path dir;

  @ParameterizedTest
  @ValueSource(strings = {"check", "probe", "run", "show", "verify", "demo"})
  void everyCommandHasHelpWithAnExample(String command) {
    Invocation help = Invocation.of(command, "--help");
    assertThat(help.exitCode()).isEqualTo(0);
    assertThat(help.out()).contains("Usage: predump " + command, "Example:\n  ", "--json");
    assertThat(help.out().substring(help.out().indexOf("Example:"))).contains("predump " + command);
    assertThat(help.err()).isEmpty();
  }

  @Test
  void theHelpListsAllCommandsAndExitCodes() {
    Invocation help = Invocation.of("--help");
    assertThat(help.exitCode()).isEqualTo(0);
    assertThat(help.out())
        .contains(
            "check", "probe", "run", "show", "verify", "demo", "Example:", "6  verification found");
  }

  @Test
  void theVersionGoesToStandardOutput() {
    Invocation version = Invocation.of("--version");
    assertThat(version.exitCode()).isEqualTo(0);
    assertThat(version.out()).isEqualTo("predump development\n");
  }

  @Test
  void noCommandIsAMistakeThatShowsTheHelp() {
    Invocation nothing = Invocation.of();
    assertThat(nothing.exitCode()).isEqualTo(2);
    assertThat(nothing.out()).isEmpty();
    assertThat(nothing.err()).contains("Usage: predump", "predump: which command?");
  }

  @Test
  void anUnknownOptionIsNamed() {
    Invocation unknown = Invocation.of("check", "--nonsense");
    assertThat(unknown.exitCode()).isEqualTo(2);
    assertThat(unknown.out()).isEmpty();
    assertThat(unknown.err())
        .isEqualTo("predump: Unknown option: '--nonsense'\ntry: predump check --help\n");
  }

  /** Before anything is served, with or without a socket for it. */
  @ParameterizedTest
  @ValueSource(strings = {"daemon", "service"})
  void anUnknownFormOfImagesIsAUsageError(String command) {
    Invocation wrong = Invocation.of(command, "--criu-images", "zip");
    assertThat(wrong.exitCode()).isEqualTo(2);
    assertThat(wrong.err()).contains("--criu-images: raw or compressed: zip");
  }

  @Test
  void anUnknownCommandIsNamed() {
    Invocation unknown = Invocation.of("rewind");
    assertThat(unknown.exitCode()).isEqualTo(2);
    assertThat(unknown.err()).contains("rewind").contains("try: predump --help");
  }

  @Test
  void aMissingOptionIsNamed() {
    Invocation missing = Invocation.of("run", "-t", "1");
    assertThat(missing.exitCode()).isEqualTo(2);
    assertThat(missing.err())
        .isEqualTo(
            "predump: Missing required option: '--images-dir=DIR'\ntry: predump run --help\n");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"show", "show --vmas", "verify", "verify --against 3", "verify --against 0"})
  void aMissingDirectoryIsNamed(String command) {
    String[] words = command.split(" ", -1);
    Invocation missing = Invocation.of(words);
    assertThat(missing.exitCode()).isEqualTo(2);
    assertThat(missing.out()).isEmpty();
    assertThat(missing.err())
        .isEqualTo(
            "predump: Missing required parameter: 'DIR'\ntry: predump " + words[0] + " --help\n");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "--rounds -1",
        "--rounds many",
        "--downtime-limit 20",
        "--deadline soon",
        "--final later",
        "--level 20",
        "--threads 0",
        "--tracker best",
        "--final none --verify"
      })
  void anOptionOutOfRangeIsAUsageErrorAndMakesNothing(String options) {
    Path images = dir.resolve("images");
    String[] words = ("run -t 1 -D " + images + " " + options).split(" ", -1);
    Invocation run = Invocation.of(words);
    assertThat(run.exitCode()).isEqualTo(2);
    assertThat(run.out()).isEmpty();
    assertThat(run.err()).startsWith("predump: ").endsWith("try: predump run --help\n");
    assertThat(images).doesNotExist();
  }

  @Test
  void aMissingProcessIsAUsageError() {
    Invocation run = Invocation.of("run", "-t", "4194303", "-D", dir.resolve("x").toString());
    assertThat(run.exitCode()).isEqualTo(2);
    assertThat(run.out()).isEmpty();
    assertThat(run.err()).startsWith("predump: ").contains("4194303");
    assertThat(run.err().lines()).hasSize(1);
  }

  @Test
  void anErrorWithJsonIsOneObjectOnStandardOutput() throws IOException {
    Invocation show = Invocation.of("show", dir.resolve("absent").toString(), "--json");
    assertThat(show.exitCode()).isEqualTo(1);
    assertThat(show.json())
        .containsEntry("exitCode", "1")
        .containsEntry("error", dir.resolve("absent") + ": No such directory")
        .hasSize(2);
    assertThat(show.err()).isEqualTo("predump: " + dir.resolve("absent") + ": No such directory\n");
  }

  @Test
  void aUsageErrorWithJsonIsOneObjectToo() throws IOException {
    Invocation unknown = Invocation.of("check", "--json", "--nonsense");
    assertThat(unknown.exitCode()).isEqualTo(2);
    assertThat(unknown.json()).containsEntry("exitCode", "2");
  }

  @Test
  void anErrorOfTheJvmIsOneLineAndOneObjectToo() throws IOException {
    OutOfMemoryError error = new OutOfMemoryError("Java heap space");
    String text = ErrorText.of(error);
    Invocation json = Invocation.failingWith(error, "--json");
    assertThat(json.exitCode()).isEqualTo(1);
    assertThat(json.json()).containsEntry("exitCode", "1").containsEntry("error", text).hasSize(2);
    assertThat(json.err()).isEqualTo("predump: " + text + "\n");
    Invocation plain = Invocation.failingWith(error);
    assertThat(plain.exitCode()).isEqualTo(1);
    assertThat(plain.out()).isEmpty();
    assertThat(plain.err()).isEqualTo("predump: " + text + "\n");
  }

  @Test
  void checkSaysWhichTrackerIsTakenWhyAndWhatItCosts() throws IOException {
    TrackerPlan plan = TrackerPlan.automatic(KernelFeatures.current());
    Invocation text = Invocation.of("check");
    Invocation json = Invocation.of("check", "--json");
    assertThat(text.exitCode()).isZero();
    assertThat(json.exitCode()).isZero();
    assertThat(text.out())
        .contains("feature", "here", "reason", "pagemap-scan")
        .endsWith(
            "--tracker auto takes "
                + plan.tracker().label()
                + ": "
                + plan.reason()
                + "\nits cost: "
                + plan.cost()
                + "\n");
    assertThat(json.json())
        .containsEntry("features[0].name", "pagemap-scan")
        .containsEntry("tracker", plan.tracker().label())
        .containsEntry("trackerReason", plan.reason())
        .containsEntry("trackerCost", plan.cost());
  }
}
