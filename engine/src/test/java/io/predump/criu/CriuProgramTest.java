package io.predump.criu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.assertj.core.api.AbstractThrowableAssert;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class CriuProgramTest {
  @TempDir Path directory;

  @Test
  void theNamedOneComesFirst() throws IOException {
    Path named = saying("named", "Version: 4.0");
    Path byVariable = saying("variable", "Version: 4.1");
    Path onPath = saying("bin/criu", "Version: 4.2");
    Map<String, String> environment =
        Map.of("PREDUMP_CRIU", byVariable.toString(), "PATH", onPath.getParent().toString());

    assertThat(CriuProgram.find(Optional.of(named), environment).path()).isEqualTo(named);
    assertThat(CriuProgram.find(Optional.empty(), environment).path()).isEqualTo(byVariable);
    assertThat(find(Map.of("PREDUMP_CRIU", "", "PATH", environment.get("PATH"))).path())
        .isEqualTo(onPath);
  }

  @Test
  void theFirstOfThePathThatCanBeRunIsTaken() throws IOException {
    Path notExecutable = directory.resolve("a/criu");
    Files.createDirectories(notExecutable.getParent());
    Files.writeString(notExecutable, "#!/bin/sh\n");
    Files.createDirectories(directory.resolve("b/criu"));
    Path third = saying("c/criu", "Version: 4.1.1");
    saying("d/criu", "Version: 4.2");

    String path = "/nowhere:" + String.join(":", inDirectory("a", "b", "c", "d"));
    assertThat(find(Map.of("PATH", path))).isEqualTo(new CriuProgram(third, 4, 1, 1));
  }

  @Test
  void whatStandsInForCriuIsNotTaken() throws IOException {
    Path standIn = saying("a/criu", "Version: 4.2");
    Files.writeString(standIn, "predump stands in for criu\0", StandardOpenOption.APPEND);
    Path real = saying("b/criu", "Version: 4.1.1\nof predump stands in for criu.");

    assertThat(find(Map.of("PATH", String.join(":", inDirectory("a", "b")))).path())
        .isEqualTo(real);
    assertThatThrownBy(() -> CriuProgram.find(Optional.of(standIn), Map.of()))
        .hasMessage("--criu: " + standIn + ": stands in for criu and calls us: name the real one");
  }

  @ParameterizedTest
  @CsvSource({
    "Version: 4.0, 4.0, false",
    "Version: 4.1.1, 4.1.1, false",
    "Version: 4.2, 4.2, true",
    "Version: 4.2.1, 4.2.1, true",
    "Version: 4.12, 4.12, true",
    "Version: 5.0, 5.0, true",
  })
  void aVersionIsUnderstood(String line, String version, boolean guardPages) throws IOException {
    Path program = saying("criu", line + "\nGitID: v" + version);

    CriuProgram criu = CriuProgram.find(Optional.of(program), Map.of());

    assertThat(criu.version()).isEqualTo(version);
    assertThat(criu.knowsGuardPages()).isEqualTo(guardPages);
  }

  @ParameterizedTest
  @CsvSource({"3.17.1, 3.17.1", "3.19, 3.19", "0.1.0, 0.1"})
  void oneBefore40IsTooOld(String said, String version) throws IOException {
    Path program = saying("criu", "Version: " + said);

    assertFailure(Optional.of(program), Map.of())
        .hasMessage("--criu: " + program + ": criu " + version + " is too old: 4.0 is needed");
  }

  @Test
  void aProgramThatIsNotCriuIsRefusedWithWhatItSays() throws IOException {
    Path program = saying("criu", "zstd 1.5.7\nand more");
    Path silent = saying("silent", "");

    assertFailure(Optional.empty(), Map.of("PATH", directory.toString()))
        .hasMessage("PATH: " + program + " --version: not criu's: zstd 1.5.7");
    assertFailure(Optional.empty(), Map.of("PREDUMP_CRIU", silent.toString()))
        .hasMessage("PREDUMP_CRIU: " + silent + " --version: not criu's: it says nothing");
  }

  @Test
  void aFileThatCannotBeRunIsRefused() throws IOException {
    Path file = Files.writeString(directory.resolve("file"), "#!/bin/sh\n");
    Path missing = directory.resolve("missing");

    assertFailure(Optional.of(file), Map.of())
        .hasMessage("--criu: " + file + ": not a program that can be run");
    assertFailure(Optional.of(directory), Map.of())
        .hasMessage("--criu: " + directory + ": not a program that can be run");
    assertFailure(Optional.empty(), Map.of("PREDUMP_CRIU", missing.toString()))
        .hasMessage("PREDUMP_CRIU: " + missing + ": not a program that can be run");
  }

  /** What is named is meant: another one that would do is not taken instead. */
  @Test
  void aNamedOneThatWillNotDoIsNotReplacedByAnother() throws IOException {
    Path old = saying("old", "Version: 3.17.1");
    Path good = saying("bin/criu", "Version: 4.2");
    Map<String, String> environment = Map.of("PATH", good.getParent().toString());

    assertThat(find(environment).path()).isEqualTo(good);
    assertFailure(Optional.of(old), environment).hasMessageStartingWith("--criu: " + old);
  }

  @Test
  void noneAtAllIsSaidWithTheWaysToNameOne() {
    for (Map<String, String> environment :
        List.of(Map.<String, String>of(), Map.of("PATH", directory.toString()))) {
      assertFailure(Optional.empty(), environment)
          .hasMessage(
              "no criu found: name one by --criu PATH or PREDUMP_CRIU; it is on no directory of"
                  + " PATH");
    }
  }

  @Test
  void theCriuOfTheTestsIsWhatTheTestsNeed() {
    assertThat(StockCriu.program().knowsGuardPages()).isTrue();
    assertThat(StockCriu.older().knowsGuardPages()).isFalse();
    assertThat(StockCriu.crit()).isExecutable();
  }

  private static CriuProgram find(Map<String, String> environment) throws IOException {
    return CriuProgram.find(Optional.empty(), environment);
  }

  private static AbstractThrowableAssert<?, ?> assertFailure(
      Optional<Path> named, Map<String, String> environment) {
    return assertThatThrownBy(() -> CriuProgram.find(named, environment))
        .isInstanceOfSatisfying(
            CriuException.class, e -> assertThat(e.kind()).isEqualTo(CriuException.Kind.LACKING));
  }

  private String[] inDirectory(String... names) {
    return Stream.of(names).map(name -> directory.resolve(name).toString()).toArray(String[]::new);
  }

  /** Makes a program that prints these lines when it is asked for its version. */
  private Path saying(String name, String lines) throws IOException {
    Path program = directory.resolve(name);
    Files.createDirectories(program.getParent());
    Files.writeString(
        program, "#!/bin/sh\n[ \"$*\" = --version ] || exit 1\ncat <<'END'\n" + lines + "\nEND\n");
    return Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
  }
}
