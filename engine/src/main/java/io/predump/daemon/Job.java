package io.predump.daemon;

import io.predump.engine.PreDumpSession;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * Work that waits for a session's thread, and whoever waits for it.
 *
 * @param <T> what comes of it
 */
final class Job<T> {
  private final SessionWork<T> work;
  private final CompletableFuture<T> result = new CompletableFuture<>();
  private Runnable outcome = () -> {};

  Job(SessionWork<T> work) {
    this.work = work;
  }

  /**
   * Does it. Whoever waits is told by {@link #tell}, when what others see of the session is as the
   * work has left it.
   *
   * @return why it failed, null if it did not
   */
  @Nullable Throwable run(PreDumpSession session) {
    try {
      T value = work.with(session);
      outcome = () -> result.complete(value);
      return null;
    } catch (IOException | RuntimeException | Error e) {
      outcome = () -> result.completeExceptionally(e);
      return e;
    }
  }

  /** Tells whoever waits what came of it. */
  void tell() {
    outcome.run();
  }

  /** {@return whether it is known what came of it} */
  boolean isDone() {
    return result.isDone();
  }

  /** It will not be done. */
  void refuse(IOException why) {
    result.completeExceptionally(why);
  }

  /**
   * {@return what came of it}
   *
   * @throws IOException why it failed, or that waiting was interrupted: it is done all the same
   */
  T await() throws IOException {
    return await(result);
  }

  /** Waits for a result as {@link #await()} does. */
  static <T> T await(CompletableFuture<T> result) throws IOException {
    try {
      return result.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while waiting for the session", e);
    } catch (ExecutionException e) {
      Throwable cause = e.getCause();
      if (cause instanceof IOException io) {
        throw io;
      }
      if (cause instanceof RuntimeException unexpected) {
        throw unexpected;
      }
      if (cause instanceof Error error) {
        throw error;
      }
      throw new IllegalStateException(cause);
    }
  }
}
