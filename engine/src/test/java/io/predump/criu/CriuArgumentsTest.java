package io.predump.criu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.predump.criu.CriuException.Kind;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a caller may hand to criu. */
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
            CriuException.class,
            () -> CriuArguments.RESTORE.check(List.of("--shell-job", argument)));
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
    assertThatCode(() -> CriuArguments.RESTORE.check(List.of(argument))).doesNotThrowAnyException();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "--lazy-pages",
        "--lazy",
        "-R",
        "-jR",
        "--leave-running",
        "--leave",
        "-s",
        "--tree=1",
        "-t1",
        "-o",
        "-olog",
        "-D/x",
        "-W",
        "--action-script=/x",
        "--stream",
        "--track-mem",
        "--port"
      })
  void refusesWhatWouldTakeADumpOutOfOurHands(String argument) {
    CriuException refused =
        catchThrowableOfType(
            CriuException.class, () -> CriuArguments.DUMP.check(List.of("--shell-job", argument)));
    assertThat(refused.kind()).isEqualTo(Kind.USAGE);
    assertThat(refused).hasMessageStartingWith(argument + ": not with a dump: ");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "--shell-job",
        "-j",
        "--tcp-established",
        "-v4",
        "-jvo",
        "--external",
        "--ghost-limit=1M"
      })
  void letsTheRestOfADumpPass(String argument) {
    assertThatCode(() -> CriuArguments.DUMP.check(List.of(argument))).doesNotThrowAnyException();
  }
}
