package io.predump.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Where a command writes.
 *
 * @param out results
 * @param err progress, warnings and errors
 * @param interactive whether a person watches, so that a line may be rewritten in place
 * @param interruption how a person stops the command
 */
record Terminal(PrintStream out, PrintStream err, boolean interactive, Interruption interruption) {

  /**
   * {@return whether a descriptor of ours is a terminal} {@code System.console()} says it of
   * standard input and output together, and of nothing at all from JDK 22 on.
   */
  static boolean isTerminal(int descriptor) {
    try {
      String target = Files.readSymbolicLink(Path.of("/proc/self/fd/" + descriptor)).toString();
      return target.startsWith("/dev/pts/")
          || target.startsWith("/dev/tty")
          || target.equals("/dev/console");
    } catch (IOException e) {
      return false;
    }
  }
}
