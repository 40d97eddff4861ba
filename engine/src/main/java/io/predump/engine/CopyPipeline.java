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
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Copies pages: n workers read a job of at most {@link #JOB_BYTES}, drop zero pages and pages the
 * chain already holds, and compress the rest into one frame; frames go to the file in address
 * order. There is no writer thread: whichever worker completes the next frame in order writes it
 * and all that follow it ({@link FrameSequencer}), so memory is bounded by a ring of frames.
 */
final class CopyPipeline implements AutoCloseable {
  static final int JOB_PAGES = 256;
  static final int JOB_BYTES = JOB_PAGES * PageTable.PAGE_BYTES;

  /** Pages that are copied before others have their turn: 64 MiB. */
  private static final int STRETCH_PAGES = 64 * JOB_PAGES;

  private final int threads;
  private final int level;
  private final PageHash hash;
  private final CopyBrake brake;
  private final @Nullable LevelPilot pilot;
  private final CopyBudget budget;
  private final boolean ownBudget;
  private @Nullable CopyTools held;

  /** Guards {@link #current}: tools given back must not be failed, somebody else has them. */
  private final Object turn = new Object();

  private @Nullable CopyTools current;
  private volatile boolean cancelled;

  CopyPipeline(int threads, int level) {
    this(threads, level, CopyBrake.NONE);
  }

  /**
   * A pipeline with tools of its own.
   *
   * @param level zstd's, or {@link LevelPilot#AUTO}
   * @param brake slows live rounds down; borrowed
   */
  CopyPipeline(int threads, int level, CopyBrake brake) {
    this(threads, level, brake, CopyBudget.ofOne(threads), true);
  }

  /**
   * A pipeline with borrowed tools.
   *
   * @param budget lends them, and bounds all its borrowers together; borrowed
   */
  CopyPipeline(int threads, int level, CopyBrake brake, CopyBudget budget) {
    this(threads, level, brake, budget, false);
  }

  private CopyPipeline(
      int threads, int level, CopyBrake brake, CopyBudget budget, boolean ownBudget) {
    this.threads = Math.min(threads, budget.threads());
    this.level = level;
    this.brake = brake;
    this.budget = budget;
    this.ownBudget = ownBudget;
    this.pilot = level == LevelPilot.AUTO ? new LevelPilot(this.threads) : null;
    this.hash = PageHash.withRandomSeed();
  }

  /** Is told how many pages are read so far, from any worker. */
  interface Progress {
    /**
     * So many more pages are read.
     *
     * @throws IOException if the copy shall fail
     */
    void read(long pages) throws IOException;
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
   *     hash: the final round trusts no hash where it need not, nor waits for any brake
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

  /** Tells an adaptive level whether the target stands still while frames are made. */
  void hurry(boolean now) {
    if (pilot != null) {
      pilot.hurry(now);
    }
  }

  /** A live round is committed: tells an adaptive level how fast it was read and written. */
  void learn(CopyCounts copied, long syncNanos) {
    if (pilot != null) {
      pilot.learn(copied, syncNanos);
    }
  }

  /** Does one copy; the caller waits. A failure of any worker ends all and is thrown. */
  CopyCounts copy(Task task) throws IOException {
    CopyCounts sum = CopyCounts.NONE;
    for (int from = task.firstJob; from < task.endJob; ) {
      CopyTools tools = held;
      boolean lent = tools == null;
      if (tools == null) {
        tools = budget.borrow(this::cancelled);
      }
      try {
        do {
          int end = stretchEnd(task, from);
          sum = sum.plus(stretch(task, from, end, tools));
          from = end;
        } while (from < task.endJob && !(lent && budget.wanted()));
      } finally {
        if (lent) {
          budget.giveBack(tools);
        }
      }
    }
    return sum;
  }

  /** Who is slowed down does not keep others waiting meanwhile. */
  private int stretchEnd(Task task, int from) {
    if (ownBudget) {
      return task.endJob;
    }
    boolean slow = brake.slows() || budget.brake().slows();
    long left = slow ? (long) threads * JOB_PAGES : STRETCH_PAGES;
    int end = from;
    while (end < task.endJob && left > 0) {
      left -= task.jobs.pages(end++);
    }
    return end;
  }

  /** The final freeze is exempt from all bounds. */
  private CopyPacer pacer(Task task, FrameSequencer sequencer) {
    return task.storeEqual
        ? CopyPacer.NONE
        : CopyPacer.of(brake, budget.brake(), sequencer::failed);
  }

  private CopyCounts stretch(Task task, int firstJob, int endJob, CopyTools tools)
      throws IOException {
    FrameSequencer sequencer = tools.sequencer();
    synchronized (turn) {
      sequencer.begin(task.file, firstJob);
      current = tools;
      if (cancelled) {
        sequencer.fail();
      }
    }
    AtomicInteger next = new AtomicInteger(firstJob);
    List<Future<CopyCounts>> running = new ArrayList<>();
    CopyCounts sum = CopyCounts.NONE;
    Throwable failure = null;
    try {
      for (CopyTools.Bench bench : tools.benches().subList(0, workers(task.storeEqual))) {
        Worker worker = new Worker(bench, sequencer, pacer(task, sequencer));
        running.add(tools.executor().submit(() -> worker.run(task, next, endJob)));
      }
    } catch (RuntimeException | Error e) {
      // No thread, or no memory: those that began must end before somebody else has the tools.
      sequencer.fail();
      failure = e;
    }
    for (Future<CopyCounts> future : running) {
      try {
        sum = sum.plus(ended(future, sequencer));
      } catch (ExecutionException e) {
        failure = firstOf(failure, Objects.requireNonNullElse(e.getCause(), e));
      }
    }
    synchronized (turn) {
      current = null;
    }
    if (Thread.currentThread().isInterrupted() && sequencer.failed()) {
      failure = firstOf(failure, new IOException("the copy was interrupted"));
    }
    rethrow(failure);
    if (cancelled) {
      throw new CancelledException();
    }
    if (sequencer.failed()) {
      throw new IOException("the copy was ended early");
    }
    return sum.plus(sequencer.written());
  }

  /** {@return how many workers a copy has; in the final round nothing is spared} */
  int workers(boolean finalRound) {
    int most = Math.min(brake.mostWorkers(), budget.brake().mostWorkers());
    return finalRound ? threads : Math.min(threads, most);
  }

  /** Tools that are kept for several copies. */
  interface Held extends AutoCloseable {
    @Override
    void close();
  }

  /**
   * Waits for tools and keeps them for all copies until closed: for those of a freeze.
   *
   * @throws IOException if cancelled
   */
  Held hold() throws IOException {
    CopyTools tools = budget.borrow(this::cancelled);
    held = tools;
    return () -> {
      held = null;
      budget.giveBack(tools);
    };
  }

  @Override
  public void close() {
    if (ownBudget) {
      budget.close();
    }
  }

  /**
   * Waits for a worker to end. An interrupt makes all of them end soon, but is no reason to return
   * while one of them still reads or writes.
   */
  private static CopyCounts ended(Future<CopyCounts> future, FrameSequencer sequencer)
      throws ExecutionException {
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return future.get();
        } catch (InterruptedException e) {
          interrupted = true;
          sequencer.fail();
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private static Throwable firstOf(@Nullable Throwable first, Throwable next) {
    if (first == null) {
      return next;
    }
    first.addSuppressed(next);
    return first;
  }

  private static void rethrow(@Nullable Throwable failure) throws IOException {
    if (failure instanceof IOException io) {
      throw io;
    } else if (failure instanceof Error error) {
      throw error;
    } else if (failure != null) {
      throw new IOException("copying failed: " + failure, failure);
    }
  }

  /** Set when the caller wants the copy under way, and every later one, to fail. */
  void cancel() {
    synchronized (turn) {
      cancelled = true;
      if (current != null) {
        current.sequencer().fail();
      }
    }
    budget.wake();
  }

  boolean cancelled() {
    return cancelled;
  }

  /** What one worker counts during one copy; becomes {@link CopyCounts}. */
  private static final class Tally {
    long read;
    long zero;
    long same;
    long stored;
    long changed;
    long lost;
    long readNanos;
    long compressNanos;

    CopyCounts counts() {
      return new CopyCounts(
          read, zero, same, stored, changed, lost, 0, readNanos, compressNanos, 0);
    }
  }

  /** One thread's part in a stretch. */
  private final class Worker {
    private final FrameCodec codec;
    private final PageBatch batch;
    private final byte[] page;
    private final FrameSequencer sequencer;
    private final CopyPacer pacer;
    private final Tally tally = new Tally();

    Worker(CopyTools.Bench bench, FrameSequencer sequencer, CopyPacer pacer) {
      this.codec = bench.codec;
      this.batch = bench.batch;
      this.page = bench.page;
      this.sequencer = sequencer;
      this.pacer = pacer;
      if (pilot == null) {
        codec.level(level);
      }
    }

    CopyCounts run(Task task, AtomicInteger next, int endJob) throws IOException {
      PageTable.Cursor cursor = task.table.cursor();
      try (PageSource.Reader reader = task.source.reader()) {
        int job;
        while ((job = next.getAndIncrement()) < endJob && !sequencer.failed()) {
          pacer.beforeReading((long) task.jobs.pages(job) << PageTable.PAGE_SHIFT);
          long begun = System.nanoTime() - pacer.waitedNanos();
          reader.load(task.jobs, job, batch, pacer);
          long loaded = System.nanoTime() - pacer.waitedNanos();
          tally.readNanos += loaded - begun;
          int kept = 0;
          for (int i = 0; i < batch.count; i++) {
            pacer.worked(1);
            if (mustStore(cursor, i, task.storeEqual)) {
              keep(i, kept++);
            }
          }
          tally.stored += kept;
          tally.read += batch.count;
          tally.compressNanos += System.nanoTime() - pacer.waitedNanos() - loaded;
          tally.compressNanos += pass(job, kept);
          task.progress.read(batch.count);
        }
      } catch (IOException | RuntimeException | Error e) {
        sequencer.fail();
        throw e;
      }
      return tally.counts();
    }

    /** Settles page {@code i} of the batch in the table; a lost one stays owed. */
    private boolean mustStore(PageTable.Cursor cursor, int i, boolean storeEqual) {
      long address = batch.addresses[i];
      if (batch.status[i] == PageBatch.LOST) {
        tally.lost++;
        return false;
      }
      if (batch.status[i] == PageBatch.VACANT) {
        cursor.settleVacant(address);
        return false;
      }
      boolean compared = (batch.kinds[i] & RunList.COMPARED) != 0;
      if ((batch.kinds[i] & RunList.DROP_ZERO) != 0 && batch.isZero(i, page)) {
        boolean news = cursor.settleZero(address);
        tally.zero++;
        tally.changed += compared && news ? 1 : 0;
        return false;
      }
      batch.bytes.get(i << PageTable.PAGE_SHIFT, page);
      HashValue128 digest = hash.of(page);
      long high = digest.getMostSignificantBits();
      long low = digest.getLeastSignificantBits();
      if ((compared || !storeEqual) && cursor.holds(address, high, low)) {
        cursor.settleSame(address);
        tally.same++;
        return false;
      }
      cursor.settleStored(address, high, low);
      tally.changed += compared ? 1 : 0;
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
      long begun = System.nanoTime() - pacer.waitedNanos();
      int bytes = kept << PageTable.PAGE_SHIFT;
      ByteBuffer frame = slot.frame;
      frame.clear();
      FrameDigest digest = null;
      if (kept > 0) {
        ByteBuffer source = batch.bytes.slice(0, bytes);
        int frameBytes =
            pilot == null
                ? pacer.compress(codec, source, frame.duplicate())
                : pilot.compress(codec, source, frame.duplicate(), pacer);
        frame.limit(frameBytes).position(0);
        pacer.rest();
        digest = codec.digest(frame.duplicate());
      }
      long nanos = System.nanoTime() - pacer.waitedNanos() - begun;
      pacer.rest();
      sequencer.ready(slot, bytes, digest);
      pacer.rest();
      return nanos;
    }
  }
}
