package io.predump.criu;

import io.predump.criu.CriuException.Kind;
import java.util.List;
import java.util.Map;

/** Which further arguments for {@code criu restore} are refused, and why. */
final class CriuArguments {
  private static final String OWN_DIRECTORY = "the images are made for this restore";

  /** By the long name. */
  private static final Map<String, String> REFUSED =
      Map.of(
          "--auto-dedup",
          "it punches holes into images that are linked, not copied",
          "--lazy-pages",
          "the images are removed as soon as the processes run",
          "--images-dir",
          OWN_DIRECTORY,
          "--work-dir",
          OWN_DIRECTORY);

  private static final Map<String, String> SHORT = Map.of("-D", "--images-dir", "-W", "--work-dir");

  /** {@code getopt_long} takes the beginning of a name as well. */
  private static final int SHORTEST_PREFIX = 4;

  private CriuArguments() {}

  static void check(List<String> extra) throws CriuException {
    for (String argument : extra) {
      int end = argument.indexOf('=');
      String name = end < 0 ? argument : argument.substring(0, end);
      for (Map.Entry<String, String> refused : REFUSED.entrySet()) {
        boolean isIt = name.length() >= SHORTEST_PREFIX && refused.getKey().startsWith(name);
        if (isIt) {
          throw refused(argument, refused.getKey());
        }
      }
      for (Map.Entry<String, String> refused : SHORT.entrySet()) {
        if (argument.startsWith(refused.getKey())) {
          throw refused(argument, refused.getValue());
        }
      }
    }
  }

  private static CriuException refused(String argument, String name) {
    return new CriuException(Kind.USAGE, argument + ": not with a restore: " + REFUSED.get(name));
  }
}
