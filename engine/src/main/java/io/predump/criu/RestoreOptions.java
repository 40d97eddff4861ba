package io.predump.criu;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * How to restore.
 *
 * @param imagesDir the images directory
 * @param round the round to restore, the newest if empty; it must be a whole checkpoint
 * @param criu the program
 * @param detach end when the processes run, else stay as their parent as {@code criu} does
 * @param workDir where to make the private directory, chosen by free space if empty
 * @param threads that decompress, at least 1
 * @param extra further arguments for {@code criu restore}
 */
public record RestoreOptions(
    Path imagesDir,
    OptionalInt round,
    CriuProgram criu,
    boolean detach,
    Optional<Path> workDir,
    int threads,
    List<String> extra) {

  /** Copies the list. */
  public RestoreOptions {
    extra = List.copyOf(extra);
  }
}
