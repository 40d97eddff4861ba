package io.predump.daemon;

/** The time in which a watcher is told; ends when closed. */
public interface Watching extends AutoCloseable {
  @Override
  void close();
}
