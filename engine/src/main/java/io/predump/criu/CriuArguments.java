package io.predump.criu;

import io.predump.criu.CriuException.Kind;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Which further arguments for {@code criu} are refused, and why. */
final class CriuArguments {
  /** For {@code criu dump}. */
  static final CriuArguments DUMP =
      new CriuArguments(
          "a dump",
          Map.ofEntries(
              Map.entry("--tree", Reasons.OWN_TREE),
              Map.entry("--images-dir", Reasons.OWN_DUMP),
              Map.entry("--work-dir", Reasons.OWN_DUMP),
              Map.entry("--log-file", Reasons.OWN_DUMP),
              Map.entry("--action-script", Reasons.OWN_DUMP),
              Map.entry("--leave-running", Reasons.OWN_OPTION),
              Map.entry("--leave-stopped", Reasons.OWN_OPTION),
              Map.entry("--freeze-cgroup", Reasons.OWN_OPTION),
              Map.entry(
                  "--lazy-pages", "--criu-mode lazy is for that; CRIU would wait for a client"),
              Map.entry("--page-server", Reasons.OWN_MEMORY),
              Map.entry("--address", Reasons.OWN_MEMORY),
              Map.entry("--port", Reasons.OWN_MEMORY),
              Map.entry("--ps-socket", Reasons.OWN_MEMORY),
              Map.entry("--stream", Reasons.OWN_MEMORY),
              Map.entry("--prev-images-dir", Reasons.OWN_MEMORY),
              Map.entry("--track-mem", Reasons.OWN_MEMORY),
              Map.entry("--auto-dedup", Reasons.OWN_MEMORY)),
          Map.of(
              't', "--tree",
              'D', "--images-dir",
              'W', "--work-dir",
              'o', "--log-file",
              'R', "--leave-running",
              's', "--leave-stopped"));

  /** For {@code criu restore}. */
  static final CriuArguments RESTORE =
      new CriuArguments(
          "a restore",
          Map.of(
              "--auto-dedup",
              "it punches holes into images that are linked, not copied",
              "--lazy-pages",
              "the images are removed as soon as the processes run",
              "--images-dir",
              Reasons.OWN_RESTORE,
              "--work-dir",
              Reasons.OWN_RESTORE),
          Map.of('D', "--images-dir", 'W', "--work-dir"));

  private static final class Reasons {
    static final String OWN_TREE = "the tree is the one given to predump";
    static final String OWN_DUMP = "predump looks for CRIU's files where it told it to put them";
    static final String OWN_OPTION = "give it to predump, before the --";
    static final String OWN_MEMORY = "the private memory is not CRIU's to write";
    static final String OWN_RESTORE = "the images are made for this restore";
  }

  /** {@code getopt_long} takes the beginning of a name as well. */
  private static final int SHORTEST_PREFIX = 4;

  /** Short options of CRIU that take a value, perhaps in the same word. */
  private static final String WITH_VALUE = "tDWoxrJMLv";

  private final String command;
  private final Map<String, String> refused;
  private final Map<Character, String> letters;

  private CriuArguments(
      String command, Map<String, String> refused, Map<Character, String> letters) {
    this.command = command;
    this.refused = refused;
    this.letters = letters;
  }

  /**
   * Looks at what the caller wants to hand on.
   *
   * @throws CriuException USAGE naming the first argument that cannot be, and why
   */
  void check(List<String> extra) throws CriuException {
    for (String argument : extra) {
      Optional<String> name = argument.startsWith("--") ? longName(argument) : letter(argument);
      if (name.isPresent()) {
        throw new CriuException(
            Kind.USAGE, argument + ": not with " + command + ": " + refused.get(name.get()));
      }
    }
  }

  /** {@return the refused option that the argument names or abbreviates, if it does} */
  private Optional<String> longName(String argument) {
    int end = argument.indexOf('=');
    String name = end < 0 ? argument : argument.substring(0, end);
    return refused.keySet().stream()
        .filter(r -> name.length() >= SHORTEST_PREFIX && r.startsWith(name))
        .sorted()
        .findFirst();
  }

  /** {@return the first refused option of a word such as {@code -jR}, if there is one} */
  private Optional<String> letter(String argument) {
    for (int i = 1; argument.startsWith("-") && i < argument.length(); i++) {
      String name = letters.get(argument.charAt(i));
      if (name != null) {
        return Optional.of(name);
      }
      if (WITH_VALUE.indexOf(argument.charAt(i)) >= 0) {
        return Optional.empty();
      }
    }
    return Optional.empty();
  }
}
