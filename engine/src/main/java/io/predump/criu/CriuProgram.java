package io.predump.criu;

import io.predump.criu.CriuException.Kind;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A criu to run, version 4.0 or newer.
 *
 * @param path the program
 * @param major of the version
 * @param minor of the version
 * @param sublevel of the version, 0 if it states none
 */
public record CriuProgram(Path path, int major, int minor, int sublevel) {
  /** Names the program where no option does. */
  public static final String VARIABLE = "PREDUMP_CRIU";

  private static final String NAME = "criu";
  private static final int OLDEST_MAJOR = 4;
  private static final Pattern VERSION =
      Pattern.compile("^Version: (\\d{1,4})\\.(\\d{1,4})(?:\\.(\\d{1,4}))?", Pattern.MULTILINE);

  /**
   * Finds the program: the named one, else the one {@value #VARIABLE} names, else the first {@code
   * criu} of the PATH that does not stand in for the real one; only that one is asked for its
   * version.
   *
   * @param named by an option
   * @throws CriuException if there is none, or it is not CRIU 4.0 or newer; says what was looked at
   */
  public static CriuProgram find(Optional<Path> named) throws IOException {
    return find(named, System.getenv());
  }

  static CriuProgram find(Optional<Path> named, Map<String, String> environment)
      throws IOException {
    if (named.isPresent()) {
      return of(named.get(), "--criu");
    }
    String variable = environment.get(VARIABLE);
    if (variable != null && !variable.isEmpty()) {
      return of(Path.of(variable), VARIABLE);
    }
    String path = environment.getOrDefault("PATH", "");
    for (String directory : path.split(":", -1)) {
      Path candidate = Path.of(directory.isEmpty() ? "." : directory, NAME);
      if (Files.isRegularFile(candidate)
          && Files.isExecutable(candidate)
          && !StandIn.is(candidate)) {
        return of(candidate, "PATH");
      }
    }
    throw new CriuException(
        Kind.LACKING,
        "no criu found: name one by --criu PATH or "
            + VARIABLE
            + "; it is on no directory of PATH");
  }

  private static CriuProgram of(Path program, String source) throws IOException {
    if (!Files.isRegularFile(program) || !Files.isExecutable(program)) {
      throw new CriuException(
          Kind.LACKING, source + ": " + program + ": not a program that can be run");
    }
    if (StandIn.is(program)) {
      throw new CriuException(
          Kind.LACKING,
          source + ": " + program + ": stands in for criu and calls us: name the real one");
    }
    Path absolute = program.toAbsolutePath().normalize();
    String output = outputOf(absolute);
    Matcher version = VERSION.matcher(output);
    if (!version.find()) {
      throw new CriuException(
          Kind.LACKING, source + ": " + program + " --version: not criu's: " + firstLine(output));
    }
    String sublevel = version.group(3);
    CriuProgram criu =
        new CriuProgram(
            absolute,
            Integer.parseInt(version.group(1)),
            Integer.parseInt(version.group(2)),
            sublevel == null ? 0 : Integer.parseInt(sublevel));
    if (criu.major < OLDEST_MAJOR) {
      throw new CriuException(
          Kind.LACKING,
          source + ": " + program + ": criu " + criu.version() + " is too old: 4.0 is needed");
    }
    return criu;
  }

  private static String outputOf(Path program) throws IOException {
    Process process =
        new ProcessBuilder(program.toString(), "--version").redirectErrorStream(true).start();
    process.getOutputStream().close();
    try {
      String output =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      process.waitFor();
      return output;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(program + " --version: interrupted", e);
    }
  }

  private static String firstLine(String output) {
    return output.isEmpty() ? "it says nothing" : output.lines().findFirst().orElse("");
  }

  /** {@return the version as criu writes it} */
  public String version() {
    return major + "." + minor + (sublevel == 0 ? "" : "." + sublevel);
  }

  /** {@return whether its images can say that a page is a guard page (4.2)} */
  public boolean knowsGuardPages() {
    return major > OLDEST_MAJOR || minor >= 2;
  }
}
