package io.predump.engine;

import io.predump.linux.Freeze;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** A {@link Checkpointer} stops the tree. It looks for the processes of the tree itself. */
final class OutsideMethod implements FreezeMethod {
  private final Checkpointer checkpointer;
  private final Path files;

  /**
   * @param checkpointer borrowed
   * @param files where its files go
   */
  OutsideMethod(Checkpointer checkpointer, Path files) {
    this.checkpointer = checkpointer;
    this.files = files;
  }

  @Override
  public Freeze freeze(TargetTree tree, Duration timeout) throws IOException {
    return checkpointer.freeze(files, tree.root().pid());
  }

  /** It has written files already, and would again. */
  @Override
  public boolean isPassing(IOException failure) {
    return false;
  }

  @Override
  public String description() {
    return checkpointer.description();
  }

  @Override
  public List<String> warnings() {
    return checkpointer.warnings();
  }

  @Override
  public void close() {}
}
