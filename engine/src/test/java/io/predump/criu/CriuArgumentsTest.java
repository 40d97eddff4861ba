package io.predump.criu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.predump.criu.CriuException.Kind;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a caller may hand to criu restore. */
class CriuArgumentsTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "--auto-dedup",
        "--auto",
        "--lazy-pages",
        "--lazy",
        "--images-dir=/x",
        "--images-dir",
        "--im",
        "--work-dir",
        "--wo=/x",
        "-D",
        "-D/x",
        "-W",
        "-W/x"
      })
  void refusesWhatWouldHarmImagesOrMissThem(String argument) {
    CriuException refused =
        catchThrowableOfType(
            CriuException.class, () -> CriuArguments.check(List.of("--shell-job", argument)));
    assertThat(refused.kind()).isEqualTo(Kind.USAGE);
    assertThat(refused).hasMessageStartingWith(argument + ": not with a restore: ");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "--shell-job",
        "--tcp-established",
        "-d",
        "-v4",
        "--action-script",
        "--external",
        "--ext-unix-sk",
        "--link-remap",
        "/x/--auto-dedup",
        "--",
        "-"
      })
  void letsTheRestPass(String argument) {
    assertThatCode(() -> CriuArguments.check(List.of(argument))).doesNotThrowAnyException();
  }
}
