package io.predump.engine;

import io.predump.linux.SyscallException;
import io.predump.linux.mem.PagemapScanner;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** A thread, with a scanner of its own, that lists part of a frozen process beside the first. */
final class SecondScan implements AutoCloseable {
  private final PagemapScanner scanner;
  private final WrittenScan scan;
  private final ExecutorService executor =
      Executors.newSingleThreadExecutor(
          work -> {
            Thread thread = new Thread(work, "predump-scan");
            thread.setDaemon(true);
            return thread;
          });

  private SecondScan(PagemapScanner scanner, long flags, long guard) {
    this.scanner = scanner;
    this.scan = new WrittenScan(scanner, flags, guard);
  }

  /**
   * Opens a scanner of the process, whatever program it executes now: the first one's tells.
   *
   * @throws SyscallException ENOENT or ESRCH if it is gone, EMFILE
   */
  static SecondScan open(LiveThread thread, long flags, long guard) throws SyscallException {
    return new SecondScan(thread.ask(PagemapScanner::open, PagemapScanner::close), flags, guard);
  }

  /** Begins to list what is written in {@code [start, end)}; {@link Part#await} must follow. */
  Part begin(long start, long end) {
    return new Part(
        CompletableFuture.runAsync(
            () -> {
              try {
                scan.clear();
                scan.collect(start, end);
              } catch (SyscallException e) {
                throw new CompletionException(e);
              }
            },
            executor));
  }

  /** A listing under way. */
  final class Part {
    private final CompletableFuture<Void> done;

    private Part(CompletableFuture<Void> done) {
      this.done = done;
    }

    /**
     * Waits for its end.
     *
     * @return what it found, until the next {@link SecondScan#begin}
     * @throws SyscallException as {@link PagemapScanner#scan}
     */
    WrittenScan await() throws SyscallException {
      try {
        done.join();
        return scan;
      } catch (CompletionException e) {
        if (e.getCause() instanceof SyscallException failed) {
          throw failed;
        }
        throw e;
      }
    }
  }

  @Override
  public void close() {
    executor.shutdown();
    scanner.close();
  }
}
