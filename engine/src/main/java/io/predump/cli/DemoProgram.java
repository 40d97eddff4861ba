package io.predump.cli;

import java.io.IOException;
import java.nio.file.Path;

/** What a demo copies: started by us, not our child, ended by {@link #close}. */
interface DemoProgram extends AutoCloseable {
  /** {@return what it is, in a few words} */
  String description();

  /** {@return the pid of the process to copy} */
  int pid();

  /**
   * Checks that it works as before.
   *
   * @return what was seen, in a sentence
   * @throws IOException if it does not
   */
  String checkAlive() throws IOException;

  @Override
  void close();

  /** Makes the program's files in a directory of its own, and starts it. */
  @FunctionalInterface
  interface Starter {
    /** Starts it, and returns when it is ready. */
    DemoProgram start(Path dir) throws IOException, InterruptedException;
  }
}
