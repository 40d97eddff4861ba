package io.predump.images;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the disk busy while a large file is being written. Left alone, the kernel starts to write
 * when a tenth of the memory is dirty, which for most rounds is never: the disk would idle while
 * pages are compressed, and everybody wait for it at the end.
 *
 * <p>A failure reaches whoever writes next or syncs: the kernel reports a lost write to one fsync
 * only, and here that may be ours.
 */
final class WriteBehind {
  /** A flush is a journal commit and a flush of the disk's cache, worth it for so many bytes. */
  private static final long STEP_BYTES = 64 << 20;

  private final Storage storage;
  private final FileChannel channel;
  private final Path file;
  private long waitingBytes;
  private @Nullable FutureTask<Void> running;

  WriteBehind(Storage storage, FileChannel channel, Path file) {
    this.storage = storage;
    this.channel = channel;
    this.file = file;
  }

  /** So many more bytes are written. */
  void wrote(long bytes) throws IOException {
    waitingBytes += bytes;
    if (waitingBytes < STEP_BYTES || (running != null && !running.isDone())) {
      return;
    }
    await();
    waitingBytes = 0;
    FutureTask<Void> task =
        new FutureTask<>(
            () -> {
              storage.flush(channel, file);
              return null;
            });
    running = task;
    Thread thread = new Thread(task, "predump-flush");
    thread.setDaemon(true);
    thread.start();
  }

  /** Waits for the flush under way. */
  void await() throws IOException {
    FutureTask<Void> task = running;
    running = null;
    if (task == null) {
      return;
    }
    boolean interrupted = false;
    try {
      while (true) {
        try {
          task.get();
          return;
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    } catch (ExecutionException e) {
      if (e.getCause() instanceof IOException failure) {
        throw failure;
      }
      throw new IOException(file + ": fdatasync", e.getCause());
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
