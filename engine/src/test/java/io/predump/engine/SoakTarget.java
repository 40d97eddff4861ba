package io.predump.engine;

import io.predump.linux.Pid;
import java.io.IOException;

/**
 * A program that is copied again and again while it works, and can tell whether its data is sound.
 */
interface SoakTarget extends AutoCloseable {
  /** {@return the root of its process tree} */
  Pid pid();

  /** Fails unless the program works as before and finds its own data as it left it. */
  void check() throws IOException;

  /** Ends whatever could write its memory after it stands still; called before a freeze. */
  default void quiesce() throws IOException {}

  /** The freeze is over. */
  default void resume() throws IOException {}

  /** {@return what it said before it ended, for messages} */
  default String lastWords() {
    return "";
  }

  @Override
  void close() throws IOException;
}
