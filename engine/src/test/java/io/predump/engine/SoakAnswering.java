package io.predump.engine;

import io.predump.linux.Pid;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A program that answers each line by "ok" and how much it has done, once it checked its data. */
final class SoakAnswering implements SoakTarget {
  private final LiveTarget target;
  private final String what;
  private long done;

  private SoakAnswering(String what, LiveTarget target) {
    this.target = target;
    this.what = what;
  }

  private static SoakAnswering start(String what, List<String> command) throws IOException {
    LiveTarget target = LiveTarget.start(command);
    try {
      String line = target.nextLine();
      if (!line.equals("ready")) {
        throw new IOException(what + " says: " + line);
      }
      return new SoakAnswering(what, target);
    } catch (IOException e) {
      target.close();
      throw e;
    }
  }

  /** A Java program that allocates, under a collector. */
  static SoakAnswering java(String... options) throws Exception {
    Path classes = Path.of(Churn.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of(options));
    command.addAll(List.of("-Xmx128m", "-cp", classes.toString(), Churn.class.getName()));
    return start(String.join(" ", options), command);
  }

  /** A Python program with 200 MiB of arrays. */
  static SoakAnswering python() throws IOException {
    return start("python", List.of("/usr/bin/python3", "src/test/python/arrays.py", "200"));
  }

  @Override
  public Pid pid() {
    return target.pid();
  }

  @Override
  public void check() throws IOException {
    String answer = target.ask("check");
    if (!answer.startsWith("ok ")) {
      throw new AssertionError(what + ": its data is wrong: " + answer);
    }
    long now = Long.parseLong(answer.substring(3));
    if (now <= done) {
      throw new AssertionError(what + " does nothing any more after " + now);
    }
    done = now;
  }

  @Override
  public void close() throws IOException {
    target.close();
  }
}
