package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import io.predump.images.ChainDirectory;
import io.predump.images.ImageChain;
import io.predump.images.ManifestDraft;
import io.predump.images.PageKind;
import io.predump.images.PagesName;
import io.predump.images.PagesWriter;
import io.predump.images.ProcessIdentity;
import io.predump.images.ResolvedPages;
import io.predump.images.RoundRecord;
import io.predump.images.RoundWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The pipeline with pages that are made up; nothing here may hang. */
final class CopyPipelineTest {
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final int PAGE = PageTable.PAGE_BYTES;
  private static final long BASE = 0x10_0000_0000L;
  private static final PagesName NAME = PagesName.ofProcess(42);

  @TempDir Path directory;

  /** What happens when a job is loaded, before its bytes are made. */
  interface Before {
    void load(int job) throws IOException;
  }

  /** Content of a page. */
  interface Content {
    void put(long address, ByteBuffer page);
  }

  /** Pages out of nothing; knows how many of its readers are open. */
  private static final class FakeSource implements PageSource {
    private final Before before;
    private final Content content;
    private final AtomicInteger openReaders = new AtomicInteger();
    private final AtomicInteger loads = new AtomicInteger();
    private final AtomicReference<CopyPacer> pacer = new AtomicReference<>(CopyPacer.NONE);

    FakeSource(Before before, Content content) {
      this.before = before;
      this.content = content;
    }

    @Override
    public Reader reader() {
      openReaders.incrementAndGet();
      ByteBuffer bytes = ByteBuffer.allocateDirect(CopyPipeline.JOB_BYTES);
      return new Reader() {
        @Override
        public void load(RunList.Jobs jobs, int job, PageBatch batch, CopyPacer given)
            throws IOException {
          loads.incrementAndGet();
          pacer.set(given);
          before.load(job);
          batch.begin(jobs, job, bytes);
          for (int i = 0; i < batch.count; i++) {
            content.put(batch.addresses[i], bytes.slice(i * PAGE, PAGE));
          }
        }

        @Override
        public void close() {
          openReaders.decrementAndGet();
        }
      };
    }
  }

  private static void numbered(long address, ByteBuffer page) {
    for (int i = 0; i < PAGE; i += 8) {
      page.putLong(i, address * 31 + i);
    }
  }

  private static void zero(long address, ByteBuffer page) {
    page.put(new byte[PAGE]);
  }

  /** A table with so many pages listed, and the jobs to read them. */
  private static final class Memory {
    final PageTable table = new PageTable();
    RunList.Jobs jobs = new RunList().cut(CopyPipeline.JOB_PAGES);

    Memory(int pages, byte kind) {
      list(pages, kind);
    }

    void list(int pages, byte kind) {
      long end = BASE + (long) pages * PAGE;
      table.list(BASE, end, true, false);
      RunList runs = new RunList();
      table.collectOwed(BASE, end, runs, kind);
      jobs = runs.cut(CopyPipeline.JOB_PAGES);
    }
  }

  private static CopyCounts copy(
      CopyPipeline pipeline, Memory memory, PageSource source, PagesWriter file, boolean storeEqual)
      throws IOException {
    return pipeline.copy(
        new CopyPipeline.Task(
            memory.jobs, 0, memory.jobs.count(), source, memory.table, file, storeEqual, n -> {}));
  }

  private RoundWriter round() throws IOException {
    ChainDirectory chain = ChainDirectory.openOrCreate(directory.resolve("images"));
    return RoundWriter.begin(chain, OptionalInt.empty());
  }

  private PagesWriter closedFile() throws IOException {
    try (RoundWriter round = round()) {
      return round.pages(NAME);
    }
  }

  @ParameterizedTest(name = "{0} threads")
  @ValueSource(ints = {1, 2, 5})
  void writesEveryPageInAddressOrderHoweverLongAJobTakes(int threads) {
    assertTimeoutPreemptively(
        PATIENCE,
        () -> {
          Memory memory = new Memory(40 * CopyPipeline.JOB_PAGES + 17, RunList.DROP_ZERO);
          Random random = new Random(threads);
          int[] pauses = random.ints(memory.jobs.count(), 0, 3_000_000).toArray();
          FakeSource source =
              new FakeSource(job -> LockSupport.parkNanos(pauses[job]), CopyPipelineTest::numbered);
          try (CopyPipeline pipeline = new CopyPipeline(threads, 1);
              RoundWriter round = round()) {
            PagesWriter file = round.pages(NAME);
            CopyCounts counts = copy(pipeline, memory, source, file, false);

            assertThat(counts.read()).isEqualTo(memory.jobs.totalPages());
            assertThat(counts.stored()).isEqualTo(memory.jobs.totalPages());
            assertThat(counts.storedBytes()).isEqualTo(file.frameBytes()).isPositive();
            assertThat(source.openReaders).hasValue(0);
            commit(round, file, memory.table);
          }
          try (ImageChain chain = ImageChain.open(directory.resolve("images"))) {
            ResolvedPages pages = chain.pages(NAME);
            assertThat(pages.pageCount()).isEqualTo(memory.jobs.totalPages());
            ByteBuffer expected = ByteBuffer.allocate(PAGE);
            ByteBuffer actual = ByteBuffer.allocate(PAGE);
            for (int i = 0; i < memory.jobs.totalPages(); i++) {
              long address = BASE + (long) i * PAGE;
              numbered(address, expected);
              pages.read(address, actual.clear());
              assertThat(actual.flip()).as("page %d", i).isEqualTo(expected);
            }
          }
        });
  }

  @Test
  void keepsNoMoreFramesInMemoryThanItsRingHolds() {
    int threads = 2;
    int ring = 2 * threads + 2;
    assertTimeoutPreemptively(
        PATIENCE,
        () -> {
          Memory memory = new Memory(60 * CopyPipeline.JOB_PAGES, RunList.DROP_ZERO);
          CountDownLatch first = new CountDownLatch(1);
          AtomicInteger most = new AtomicInteger();
          FakeSource source =
              new FakeSource(
                  job -> {
                    most.accumulateAndGet(job, Math::max);
                    if (job == 0) {
                      awaitQuietly(first);
                    }
                  },
                  CopyPipelineTest::numbered);
          Thread opener =
              new Thread(
                  () -> {
                    // long enough for the other worker to run as far as it can
                    int before;
                    do {
                      before = source.loads.get();
                      LockSupport.parkNanos(300_000_000);
                    } while (source.loads.get() != before);
                    assertThat(most).hasValue(ring);
                    first.countDown();
                  });
          AtomicReference<Throwable> failed = new AtomicReference<>();
          opener.setUncaughtExceptionHandler(
              (thread, e) -> {
                failed.set(e);
                first.countDown();
              });
          try (CopyPipeline pipeline = new CopyPipeline(threads, 1);
              RoundWriter round = round()) {
            opener.start();
            copy(pipeline, memory, source, round.pages(NAME), false);
            opener.join();
          }
          assertThat(failed.get()).isNull();
        });
  }

  /** Half a copy must not pass for a whole one, whoever ended it. */
  @Test
  void aCopyThatWasEndedFromOutsideIsNoSuccess() {
    assertTimeoutPreemptively(
        PATIENCE,
        () -> {
          Memory memory = new Memory(2000, RunList.DROP_ZERO);
          try (CopyBudget budget = new CopyBudget(1, 2, CopyLimits.NONE);
              CopyPipeline pipeline = new CopyPipeline(2, 1, CopyBrake.NONE, budget);
              RoundWriter round = round()) {
            CopyTools tools = budget.borrow(() -> false);
            budget.giveBack(tools);
            FakeSource source =
                new FakeSource(job -> tools.sequencer().fail(), CopyPipelineTest::numbered);
            PagesWriter file = round.pages(NAME);

            assertThatThrownBy(() -> copy(pipeline, memory, source, file, true))
                .isInstanceOf(IOException.class)
                .hasMessage("the copy was ended early");
          }
        });
  }

  /** Tools are given back only when nobody works with them any more. */
  @Test
  void aThreadThatCannotBeHadFailsTheCopyAfterTheOthersHaveEnded() {
    assertTimeoutPreemptively(
        PATIENCE,
        () -> {
          Memory memory = new Memory(2000, RunList.DROP_ZERO);
          try (CopyBudget budget = new CopyBudget(1, 2, CopyLimits.NONE);
              CopyPipeline pipeline = new CopyPipeline(2, 1, CopyBrake.NONE, budget);
              RoundWriter round = round()) {
            CopyTools tools = budget.borrow(() -> false);
            tools.executor().shutdown();
            budget.giveBack(tools);
            FakeSource source = new FakeSource(job -> {}, CopyPipelineTest::numbered);
            PagesWriter file = round.pages(NAME);

            assertThatThrownBy(() -> copy(pipeline, memory, source, file, true))
                .isInstanceOf(IOException.class)
                .hasMessageStartingWith("copying failed");
            assertThat(source.openReaders).hasValue(0);
            assertThat(tools.sequencer().failed()).isTrue();
            assertThat(budget.borrow(() -> false)).as("given back").isSameAs(tools);
          }
        });
  }

  @Test
  void dropsZeroPagesWhereAFreshMappingShowsZeros() {
    assertTimeoutPreemptively(
        PATIENCE,
        () -> {
          Memory memory = new Memory(300, RunList.DROP_ZERO);
          try (CopyPipeline pipeline = new CopyPipeline(2, 1);
              RoundWriter round = round()) {
            PagesWriter file = round.pages(NAME);
            CopyCounts counts =
                copy(
                    pipeline,
                    memory,
                    new FakeSource(job -> {}, CopyPipelineTest::zero),
                    file,
                    false);

            assertThat(counts.zero()).isEqualTo(300);
            assertThat(counts.stored()).isZero();
            assertThat(file.frameBytes()).isZero();
            assertThat(memory.table.owedPages()).isZero();
          }
        });
  }

  /** The control: zeros written over a file's content are data. */
  @Test
  void keepsZeroPagesOfAPrivateFileMapping() {
    assertTimeoutPreemptively(
        PATIENCE,
        () -> {
          Memory memory = new Memory(300, (byte) 0);
          try (CopyPipeline pipeline = new CopyPipeline(2, 1);
              RoundWriter round = round()) {
            CopyCounts counts =
                copy(
                    pipeline,
                    memory,
                    new FakeSource(job -> {}, CopyPipelineTest::zero),
                    round.pages(NAME),
                    false);

            assertThat(counts.zero()).isZero();
            assertThat(counts.stored()).isEqualTo(300);
          }
        });
  }

  @Test
  void dropsPagesEqualToTheChainsExceptWhereTheFinalRoundTrustsNoHash() {
    assertTimeoutPreemptively(
        PATIENCE,
        () -> {
          Memory memory = new Memory(300, RunList.DROP_ZERO);
          FakeSource source = new FakeSource(job -> {}, CopyPipelineTest::numbered);
          try (CopyPipeline pipeline = new CopyPipeline(2, 1);
              RoundWriter round = round()) {
            PagesWriter file = round.pages(NAME);
            assertThat(copy(pipeline, memory, source, file, false).stored()).isEqualTo(300);
            memory.table.sealRound();

            memory.list(300, RunList.DROP_ZERO);
            CopyCounts live = copy(pipeline, memory, source, file, false);
            assertThat(live.same()).isEqualTo(300);
            assertThat(live.stored()).isZero();

            memory.list(300, RunList.DROP_ZERO);
            CopyCounts last = copy(pipeline, memory, source, file, true);
            assertThat(last.same()).isZero();
            assertThat(last.stored()).isEqualTo(300);
            memory.table.sealRound();

            memory.list(300, RunList.COMPARED);
            CopyCounts compared = copy(pipeline, memory, source, file, true);
            assertThat(compared.same()).isEqualTo(300);
          }
        });
  }

  /** 16 MiB at 1 MiB/s would take 16 s. */
  @Test
  void theFinalFreezeWaitsForNoBound() {
    CopyLimits tight = CopyLimits.NONE.withCpuPercent(1).withBytesPerSecond(1 << 20);
    assertTimeoutPreemptively(
        PATIENCE,
        () -> {
          FakeSource source = new FakeSource(job -> {}, CopyPipelineTest::numbered);
          try (CopyPipeline pipeline = new CopyPipeline(2, 1, new CopyBrake(tight));
              RoundWriter round = round()) {
            PagesWriter file = round.pages(NAME);
            copy(pipeline, new Memory(100, RunList.DROP_ZERO), source, file, false);
            assertThat(source.pacer.get()).as("control").isNotSameAs(CopyPacer.NONE);

            long begun = System.nanoTime();
            Memory large = new Memory(4096, RunList.DROP_ZERO);
            assertThat(copy(pipeline, large, source, file, true).stored()).isEqualTo(4096);
            assertThat(System.nanoTime() - begun).isLessThan(8_000_000_000L);
            assertThat(source.pacer.get()).isSameAs(CopyPacer.NONE);
          }
        });
  }

  @Test
  void storesAgainWhatAnAbortedRoundHadStored() {
    assertTimeoutPreemptively(
        PATIENCE,
        () -> {
          Memory memory = new Memory(300, RunList.DROP_ZERO);
          FakeSource source = new FakeSource(job -> {}, CopyPipelineTest::numbered);
          try (CopyPipeline pipeline = new CopyPipeline(2, 1);
              RoundWriter round = round()) {
            PagesWriter file = round.pages(NAME);
            copy(pipeline, memory, source, file, false);
            memory.table.abortRound();

            memory.list(300, RunList.DROP_ZERO);
            assertThat(copy(pipeline, memory, source, file, false).stored()).isEqualTo(300);
          }
        });
  }

  @Test
  void leavesLostPagesOwed() {
    assertTimeoutPreemptively(
        PATIENCE,
        () -> {
          Memory memory = new Memory(300, RunList.DROP_ZERO);
          PageSource source =
              () -> {
                PageSource.Reader reader =
                    new FakeSource(job -> {}, CopyPipelineTest::numbered).reader();
                return new PageSource.Reader() {
                  @Override
                  public void load(RunList.Jobs jobs, int job, PageBatch batch, CopyPacer pacer)
                      throws IOException {
                    reader.load(jobs, job, batch, pacer);
                    batch.status[7] = PageBatch.LOST;
                  }

                  @Override
                  public void close() {
                    reader.close();
                  }
                };
              };
          try (CopyPipeline pipeline = new CopyPipeline(2, 1);
              RoundWriter round = round()) {
            CopyCounts counts = copy(pipeline, memory, source, round.pages(NAME), false);

            assertThat(counts.lost()).isEqualTo(2);
            assertThat(counts.stored()).isEqualTo(298);
            RunList owed = new RunList();
            memory.table.collectOwed(BASE, BASE + 300L * PAGE, owed, (byte) 0);
            assertThat(owed.size()).isEqualTo(2);
            assertThat(owed.start(0)).isEqualTo(BASE + 7L * PAGE);
            assertThat(owed.start(1)).isEqualTo(BASE + (256 + 7L) * PAGE);
          }
        });
  }

  @ParameterizedTest(name = "job {0}")
  @ValueSource(ints = {0, 1, 17, 39})
  void aWorkerThatFailsEndsAllAndItsFailureIsThrown(int badJob) {
    assertTimeoutPreemptively(
        PATIENCE,
        () -> {
          Memory memory = new Memory(40 * CopyPipeline.JOB_PAGES, RunList.DROP_ZERO);
          IOException reason = new IOException("the page is gone");
          FakeSource source =
              new FakeSource(
                  job -> {
                    if (job == badJob) {
                      throw reason;
                    }
                  },
                  CopyPipelineTest::numbered);
          try (CopyPipeline pipeline = new CopyPipeline(3, 1);
              RoundWriter round = round()) {
            PagesWriter file = round.pages(NAME);
            assertThatThrownBy(() -> copy(pipeline, memory, source, file, false)).isSameAs(reason);
            assertThat(source.openReaders).hasValue(0);
          }
        });
  }

  @Test
  void takesAnotherCopyAfterOneThatFailed() {
    assertTimeoutPreemptively(
        PATIENCE,
        () -> {
          Memory memory = new Memory(20 * CopyPipeline.JOB_PAGES, RunList.DROP_ZERO);
          try (CopyPipeline pipeline = new CopyPipeline(2, 1)) {
            try (RoundWriter round = round()) {
              PagesWriter file = round.pages(NAME);
              FakeSource bad =
                  new FakeSource(
                      job -> {
                        if (job == 11) {
                          throw new IOException("once");
                        }
                      },
                      CopyPipelineTest::numbered);
              assertThatThrownBy(() -> copy(pipeline, memory, bad, file, false)).hasMessage("once");
              memory.table.abortRound();
            }
            try (RoundWriter round = round()) {
              memory.list(20 * CopyPipeline.JOB_PAGES, RunList.DROP_ZERO);
              FakeSource good = new FakeSource(job -> {}, CopyPipelineTest::numbered);
              CopyCounts counts = copy(pipeline, memory, good, round.pages(NAME), false);
              assertThat(counts.stored()).isEqualTo(20 * CopyPipeline.JOB_PAGES);
            }
          }
        });
  }

  @Test
  void aWriterThatFailsEndsAllAndItsFailureIsThrown() {
    assertTimeoutPreemptively(
        PATIENCE,
        () -> {
          Memory memory = new Memory(40 * CopyPipeline.JOB_PAGES, RunList.DROP_ZERO);
          FakeSource source = new FakeSource(job -> {}, CopyPipelineTest::numbered);
          PagesWriter file = closedFile();
          try (CopyPipeline pipeline = new CopyPipeline(3, 1)) {
            assertThatThrownBy(() -> copy(pipeline, memory, source, file, false))
                .isInstanceOf(IOException.class)
                .hasRootCauseInstanceOf(IllegalStateException.class)
                .hasMessage(
                    "copying failed: java.lang.IllegalStateException: pagemap-42.img: finished");
            assertThat(source.openReaders).hasValue(0);
            assertThat(source.loads.get()).as("ended early").isLessThan(40);
          }
        });
  }

  @Test
  void aWorkerThatRunsOutOfMemoryEndsAllBeforeTheErrorIsThrown() {
    assertTimeoutPreemptively(
        PATIENCE,
        () -> {
          Memory memory = new Memory(40 * CopyPipeline.JOB_PAGES, RunList.DROP_ZERO);
          OutOfMemoryError reason = new OutOfMemoryError("made up");
          CountDownLatch others = new CountDownLatch(2);
          FakeSource source =
              new FakeSource(
                  job -> {
                    if (job == 0) {
                      awaitQuietly(others);
                      throw reason;
                    }
                    others.countDown();
                    LockSupport.parkNanos(500_000_000);
                  },
                  CopyPipelineTest::numbered);
          try (CopyPipeline pipeline = new CopyPipeline(3, 1);
              RoundWriter round = round()) {
            PagesWriter file = round.pages(NAME);
            assertThatThrownBy(() -> copy(pipeline, memory, source, file, false)).isSameAs(reason);
            assertThat(source.openReaders).as("readers still at work").hasValue(0);
          }
        });
  }

  @Test
  void anInterruptEndsAllBeforeItIsThrown() {
    assertTimeoutPreemptively(
        PATIENCE,
        () -> {
          Memory memory = new Memory(40 * CopyPipeline.JOB_PAGES, RunList.DROP_ZERO);
          Thread caller = Thread.currentThread();
          FakeSource source =
              new FakeSource(
                  job -> {
                    if (job == 1) {
                      caller.interrupt();
                    }
                    long end = System.nanoTime() + 500_000_000;
                    while (System.nanoTime() < end) {
                      LockSupport.parkNanos(end - System.nanoTime());
                    }
                  },
                  CopyPipelineTest::numbered);
          try (CopyPipeline pipeline = new CopyPipeline(3, 1);
              RoundWriter round = round()) {
            PagesWriter file = round.pages(NAME);
            assertThatThrownBy(() -> copy(pipeline, memory, source, file, false))
                .hasMessage("the copy was interrupted");
            int open = source.openReaders.get();
            assertThat(Thread.interrupted()).isTrue();
            assertThat(open).as("readers still at work").isZero();
          }
        });
  }

  @Test
  void cancellingEndsTheCopyUnderWayAndEveryLaterOne() {
    assertTimeoutPreemptively(
        PATIENCE,
        () -> {
          Memory memory = new Memory(40 * CopyPipeline.JOB_PAGES, RunList.DROP_ZERO);
          AtomicReference<CopyPipeline> self = new AtomicReference<>();
          AtomicLong cancelled = new AtomicLong();
          FakeSource source =
              new FakeSource(
                  job -> {
                    if (job == 5 && cancelled.getAndIncrement() == 0) {
                      Objects.requireNonNull(self.get()).cancel();
                    }
                  },
                  CopyPipelineTest::numbered);
          try (CopyPipeline pipeline = new CopyPipeline(2, 1);
              RoundWriter round = round()) {
            self.set(pipeline);
            PagesWriter file = round.pages(NAME);
            for (int i = 0; i < 2; i++) {
              assertThatThrownBy(() -> copy(pipeline, memory, source, file, false))
                  .isInstanceOf(CancelledException.class);
              assertThat(source.openReaders).hasValue(0);
            }
            assertThat(source.loads.get()).isLessThan(40);
          }
        });
  }

  private static void awaitQuietly(CountDownLatch latch) throws IOException {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }

  private static void commit(RoundWriter round, PagesWriter file, PageTable table)
      throws IOException {
    IOException[] failure = new IOException[1];
    table.forEachHeld(
        (address, count, stored) -> {
          try {
            file.entry(address, count, stored ? PageKind.PRESENT : PageKind.PARENT);
          } catch (IOException e) {
            failure[0] = e;
          }
        });
    assertThat(failure[0]).isNull();
    file.finish();
    round.commit(
        new ManifestDraft(
            "test",
            "6.18",
            "boot",
            false,
            List.of(new ProcessIdentity(42, 42, 1, "fake")),
            "none",
            List.of(),
            0,
            0,
            List.of(),
            List.of(),
            Optional.empty()),
        new RoundRecord(
            round.round(),
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            new RoundRecord.VmaCounts(0, 0, 0, 0),
            new RoundRecord.PageCounts(0, 0, 0, 0, 0, 0, 0, 0),
            new RoundRecord.ByteCounts(0, 0),
            new RoundRecord.DirtyRate(0, 0),
            0,
            0,
            ""));
  }
}
