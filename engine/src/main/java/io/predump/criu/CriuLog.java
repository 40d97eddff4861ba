package io.predump.criu;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** What CRIU wrote about a run of it. */
final class CriuLog {
  private static final int LAST_LINES = 4;

  /** CRIU's own mark, and the words of the C library for an argument it does not know. */
  private static final Pattern ERROR =
      Pattern.compile("Error|unrecognized option|invalid option|requires an argument");

  /** It wants more descriptors than some machines allow, and goes on without. */
  private static final String HARMLESS = "Can't setup RLIMIT_NOFILE";

  private CriuLog() {}

  /**
   * {@return CRIU's last error lines, else whatever it said last, as one line}
   *
   * @param files its log and what it printed, in that order; may be missing
   */
  static String lastWords(Path... files) {
    List<String> lines = new ArrayList<>();
    for (Path file : files) {
      try {
        new String(Files.readAllBytes(file), StandardCharsets.UTF_8)
            .lines()
            .filter(line -> !line.isBlank())
            .forEach(lines::add);
      } catch (IOException e) {
        // it ended before it had one
      }
    }
    List<String> errors = lines.stream().filter(CriuLog::isError).toList();
    List<String> told = errors.isEmpty() ? lines : errors;
    return told.isEmpty()
        ? "it said nothing"
        : told.subList(Math.max(0, told.size() - LAST_LINES), told.size()).stream()
            .map(CriuLog::withoutTime)
            .distinct()
            .collect(Collectors.joining("; "));
  }

  private static boolean isError(String line) {
    return ERROR.matcher(line).find() && !line.contains(HARMLESS);
  }

  private static String withoutTime(String line) {
    return line.strip().replaceFirst("^\\(\\d+\\.\\d+\\) +", "");
  }
}
