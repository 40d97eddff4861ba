package io.predump.bench;

import io.predump.engine.SessionOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

/**
 * What the parts of the benchmark share.
 *
 * @param root the clone
 * @param work an own directory for what ours and the floor write
 * @param mib memory of the target
 * @param repeat samples of each first round
 */
record Setting(Path root, Path work, int mib, int repeat, SessionOptions options) {
  Path jar() {
    return root.resolve("engine/target/predump.jar");
  }

  /** {@return our command line, started as ./predump does} */
  List<String> command(String... arguments) {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "@" + root.resolve("engine/src/main/jvm/options"),
                "-jar",
                jar().toString()));
    command.addAll(List.of(arguments));
    return command;
  }

  /** {@return a program that ./build compiled} */
  String program(String name) {
    return root.resolve("engine/target/bench").resolve(name).toString();
  }

  /** {@return a path in the work directory at which nothing is, with nothing waiting for disk} */
  Path fresh(String name) throws IOException {
    Path path = work.resolve(name);
    delete(path);
    Commands.run(List.of("sync", "-f", work.toString()));
    return path;
  }

  static void delete(Path path) throws IOException {
    if (!Files.exists(path)) {
      return;
    }
    try (Stream<Path> all = Files.walk(path)) {
      for (Path each : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(each);
      }
    }
  }

  static void say(String what) {
    System.err.println("bench: " + what);
  }

  static String text(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }

  /** {@return a map of name, value, name, value, … in that order} */
  static Map<String, Object> values(Object... namesAndValues) {
    Map<String, Object> map = new LinkedHashMap<>();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      map.put((String) namesAndValues[i], namesAndValues[i + 1]);
    }
    return map;
  }
}
