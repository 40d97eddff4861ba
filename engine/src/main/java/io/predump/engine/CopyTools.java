package io.predump.engine;

import io.predump.images.FrameCodec;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The threads and buffers of one copy: what is dear and belongs to no session. Used by one copy at
 * a time.
 */
final class CopyTools implements AutoCloseable {
  private final ExecutorService executor;
  private final List<Bench> benches = new ArrayList<>();
  private final FrameSequencer sequencer;

  /** What one thread works with. */
  static final class Bench {
    final FrameCodec codec = new FrameCodec(LevelPilot.FIRST_LEVEL);
    final PageBatch batch = new PageBatch(CopyPipeline.JOB_PAGES);
    final byte[] page = new byte[PageTable.PAGE_BYTES];
  }

  /** Starts the threads at once: they have the rights of whoever makes the tools. */
  CopyTools(int threads) {
    AtomicInteger number = new AtomicInteger();
    ThreadPoolExecutor pool =
        new ThreadPoolExecutor(
            threads,
            threads,
            0,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            task -> {
              Thread thread = new Thread(task, "predump-copy-" + number.incrementAndGet());
              thread.setDaemon(true);
              return thread;
            });
    executor = pool;
    pool.prestartAllCoreThreads();
    for (int i = 0; i < threads; i++) {
      benches.add(new Bench());
    }
    sequencer = new FrameSequencer(2 * threads + 2);
  }

  ExecutorService executor() {
    return executor;
  }

  List<Bench> benches() {
    return benches;
  }

  FrameSequencer sequencer() {
    return sequencer;
  }

  @Override
  public void close() {
    executor.shutdownNow();
    benches.forEach(bench -> bench.codec.close());
  }
}
