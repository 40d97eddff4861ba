package io.predump.engine;

import io.predump.images.CriuOrigin;
import io.predump.linux.AddressRange;
import io.predump.linux.Freeze;
import io.predump.linux.Pid;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * Whoever freezes the tree for the last round and writes the rest of the process beside it: what
 * turns the last round into a whole checkpoint. The calls come in the order they are written in,
 * each at most once per round; one instance serves one round.
 */
public interface Checkpointer {
  /** {@return what freezes, in a word or two, for the record} */
  String description();

  /** {@return what the operator should know, so far} */
  List<String> warnings();

  /**
   * Writes all but private memory, and stops the whole tree. The freeze keeps on until it is
   * closed; closed before {@link #durable}, it lets everything go on as if nothing had been, unless
   * {@link #holdsUntilDurable} is false.
   *
   * @param files an empty directory of the round being built, for its files
   * @param root of the tree; which processes are below it is its to find
   * @return the freeze; every file but those about the dump itself is written
   * @throws IOException if it fails; the tree runs on
   */
  Freeze freeze(Path files, Pid root) throws IOException;

  /**
   * {@return the mappings whose pages it leaves to the engine, by the pids that the images name}
   *
   * @throws IOException if its files cannot be read
   */
  Map<Integer, List<AddressRange>> privateMappings() throws IOException;

  /** {@return whether the tree stands still until the round is durable} */
  boolean holdsUntilDurable();

  /** {@return whose files they are, for the manifest; asked when they are complete} */
  CriuOrigin origin();

  /** The round is durable, and what was to be compared with memory is equal to it. */
  void durable();

  /**
   * Makes sure that it ended well; called after the freeze is closed.
   *
   * @throws IOException if it did not; says what became of the tree
   */
  void requireDone() throws IOException;
}
