package io.predump.engine;

import com.dynatrace.hash4j.hashing.HashValue128;
import io.predump.images.FrameCodec;
import io.predump.images.FrameDigest;
import io.predump.images.PagesWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Copies pages: n workers read a job of at most {@link #JOB_BYTES}, drop zero pages and pages the
 * chain already holds, and compress the rest into one frame; frames go to the file in address
 * order. There is no writer thread: whichever worker completes the next frame in order writes it
 * and all that follow it ({@link FrameSequencer}), so memory is bounded by a ring of frames.
 */
final class CopyPipeline implements AutoCloseable {
  static final int JOB_PAGES = 256;
  static final int JOB_BYTES = JOB_PAGES * PageTable.PAGE_BYTES;

  private static final byte[] ZERO_PAGE = new byte[PageTable.PAGE_BYTES];

  private final int threads;
  private final PageHash hash;
  private final ExecutorService executor;
  private final List<Worker> workers = new ArrayList<>();
  private final FrameSequencer sequencer;
  private volatile boolean cancelled;

  CopyPipeline(int threads, int level) {
    this.threads = threads;
    this.hash = PageHash.withRandomSeed();
    AtomicInteger number = new AtomicInteger();
    this.executor =
        Executors.newFixedThreadPool(
            threads,
            task -> {
              Thread thread = new Thread(task, "predump-copy-" + number.incrementAndGet());
              thread.setDaemon(true);
              return thread;
            });
    for (int i = 0; i < threads; i++) {
      workers.add(new Worker(new FrameCodec(level)));
    }
    this.sequencer = new FrameSequencer(2 * threads + 2);
  }

  /** Is told how many pages are read so far, from any worker. */
  interface Progress {
    void read(long pages);
  }

  /**
   * One copy.
   *
   * @param jobs what to read
   * @param firstJob the first job to do
   * @param endJob the job after the last
   * @param source where from
   * @param table settles every page
   * @param file where to
   * @param storeEqual whether written pages are stored even if the chain holds them with the same
   *     hash: the final round trusts no hash where it need not
   */
  record Task(
      RunList.Jobs jobs,
      int firstJob,
      int endJob,
      PageSource source,
      PageTable table,
      PagesWriter file,
      boolean storeEqual,
      Progress progress) {}

  int threads() {
    return threads;
  }

  /** Does one copy; the caller waits. A failure of any worker ends all and is thrown. */
  CopyCounts copy(Task task) throws IOException {
    if (task.firstJob >= task.endJob) {
      return CopyCounts.NONE;
    }
    sequencer.begin(task.file, task.firstJob);
    if (cancelled) {
      sequencer.fail();
    }
    AtomicInteger next = new AtomicInteger(task.firstJob);
    List<Future<CopyCounts>> running = new ArrayList<>();
    for (Worker worker : workers) {
      running.add(executor.submit(() -> worker.run(task, next)));
    }
    CopyCounts sum = CopyCounts.NONE;
    IOException failure = null;
    for (Future<CopyCounts> future : running) {
      try {
        sum = sum.plus(future.get());
      } catch (ExecutionException e) {
        failure = FirstFailure.of(failure, Objects.requireNonNullElse(e.getCause(), e));
      } catch (InterruptedException e) {
        sequencer.fail();
        Thread.currentThread().interrupt();
        failure = FirstFailure.of(failure, new IOException("the copy was interrupted", e));
      }
    }
    if (failure != null) {
      throw failure;
    }
    if (cancelled) {
      throw new CancelledException();
    }
    return sum.plus(sequencer.written());
  }

  @Override
  public void close() {
    executor.shutdownNow();
    workers.forEach(worker -> worker.codec.close());
  }

  private static final class FirstFailure {
    static IOException of(@org.jspecify.annotations.Nullable IOException first, Throwable next) {
      if (next instanceof Error error) {
        throw error;
      }
      IOException failure =
          next instanceof IOException io ? io : new IOException("copying failed: " + next, next);
      if (first == null) {
        return failure;
      }
      first.addSuppressed(failure);
      return first;
    }
  }

  /** Set when the caller wants the copy under way, and every later one, to fail. */
  void cancel() {
    cancelled = true;
    sequencer.fail();
  }

  /** One thread's tools, kept from round to round. */
  private final class Worker {
    private final FrameCodec codec;
    private final PageBatch batch = new PageBatch(JOB_PAGES);
    private final byte[] page = new byte[PageTable.PAGE_BYTES];

    Worker(FrameCodec codec) {
      this.codec = codec;
    }

    CopyCounts run(Task task, AtomicInteger next) throws IOException {
      long read = 0;
      long zero = 0;
      long same = 0;
      long stored = 0;
      long lost = 0;
      long readNanos = 0;
      long compressNanos = 0;
      PageTable.Cursor cursor = task.table.cursor();
      try (PageSource.Reader reader = task.source.reader()) {
        int job;
        while ((job = next.getAndIncrement()) < task.endJob && !sequencer.failed()) {
          long begun = System.nanoTime();
          reader.load(task.jobs, job, batch);
          long loaded = System.nanoTime();
          readNanos += loaded - begun;
          int kept = 0;
          for (int i = 0; i < batch.count; i++) {
            if (batch.lost[i]) {
              lost++;
            } else if (isZero(i) && (batch.kinds[i] & RunList.DROP_ZERO) != 0) {
              cursor.settleZero(batch.addresses[i]);
              zero++;
            } else if (settle(
                cursor, i, task.storeEqual && (batch.kinds[i] & RunList.COMPARED) == 0)) {
              keep(i, kept++);
            } else {
              same++;
            }
          }
          stored += kept;
          read += batch.count;
          compressNanos += System.nanoTime() - loaded;
          compressNanos += pass(job, kept);
          task.progress.read(batch.count);
        }
      } catch (IOException | RuntimeException | Error e) {
        sequencer.fail();
        throw e;
      }
      return new CopyCounts(read, zero, same, stored, lost, 0, readNanos, compressNanos, 0);
    }

    private boolean isZero(int i) {
      int offset = i << PageTable.PAGE_SHIFT;
      if (batch.bytes.getLong(offset) != 0) {
        return false;
      }
      batch.bytes.get(offset, page);
      return java.util.Arrays.equals(page, ZERO_PAGE);
    }

    /** {@return whether the page must be stored} */
    private boolean settle(PageTable.Cursor cursor, int i, boolean storeEqual) {
      batch.bytes.get(i << PageTable.PAGE_SHIFT, page);
      HashValue128 digest = hash.of(page);
      long high = digest.getMostSignificantBits();
      long low = digest.getLeastSignificantBits();
      if (!storeEqual && cursor.holds(batch.addresses[i], high, low)) {
        cursor.settleSame(batch.addresses[i]);
        return false;
      }
      cursor.settleStored(batch.addresses[i], high, low);
      return true;
    }

    /** Moves page {@code i} down to place {@code k}. */
    private void keep(int i, int k) {
      if (i != k) {
        batch.bytes.put(k << PageTable.PAGE_SHIFT, page);
      }
    }

    /** Compresses the kept pages and hands the frame on; returns the time without waiting. */
    private long pass(int job, int kept) throws IOException {
      FrameSequencer.Slot slot = sequencer.awaitSlot(job);
      if (slot == null) {
        return 0;
      }
      long begun = System.nanoTime();
      int bytes = kept << PageTable.PAGE_SHIFT;
      ByteBuffer frame = slot.frame;
      frame.clear();
      FrameDigest digest = null;
      if (kept > 0) {
        frame.limit(codec.compress(batch.bytes.slice(0, bytes), frame.duplicate())).position(0);
        digest = codec.digest(frame.duplicate());
      }
      long nanos = System.nanoTime() - begun;
      sequencer.ready(slot, bytes, digest);
      return nanos;
    }
  }
}
