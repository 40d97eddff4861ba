package io.predump.engine;

import io.predump.images.ChainDirectory;
import io.predump.images.CriuImages;
import io.predump.images.RoundRecord;
import io.predump.images.RoundRecord.DirtyRate;
import io.predump.images.RoundWriter;
import io.predump.linux.Fd;
import io.predump.linux.KernelFeatures;
import io.predump.linux.NativeBuffer;
import io.predump.linux.Pid;
import io.predump.linux.proc.Machine;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.proc.ProcessTree;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.locks.LockSupport;

/**
 * A process tree under tracking, and the images directory its rounds go to. The one way into the
 * engine: the command line, the daemon and library users all hold one of these.
 *
 * <pre>{@code
 * try (var session = PreDumpSession.attach(new Pid(4711), Path.of("/var/tmp/x"), options)) {
 *   while (session.round().isPresent() && !enough()) {}
 *   session.finish(false);
 * }
 * }</pre>
 *
 * <p>The first round arms and copies everything; each later one what was written since. A session
 * is used by one thread; {@link #cancel} may be called by any. Closing it lets go of the target,
 * which then runs as if nothing had been; committed rounds stay.
 *
 * <p>The target's end is an outcome, not an exception: a round that finds it gone is dropped,
 * {@link #round} returns empty, and {@link #ended} says how it ended.
 */
public final class PreDumpSession implements AutoCloseable {
  /** Memory made ready before the freeze; what is read beyond it costs page faults of our own. */
  private static final long EXPECTED_FREEZE_BYTES = 16L << 20;

  /** As short as windows of a dirty rate get. */
  private static final long PACE_WINDOW_NANOS = 100_000_000;

  private final TargetTree tree;
  private final ChainDirectory chain;
  private final Fd chainLock;
  private final boolean madeDirectory;
  private final SessionOptions options;
  private final CopyPipeline pipeline;
  private final DowntimeModel downtime;
  private final CopyBrake brake;

  private Optional<HotPages> hot = Optional.empty();
  private long writtenBytesPerSecond;
  private LoopListener listener = LoopListener.SILENT;
  private OptionalInt parentRound = OptionalInt.empty();
  private boolean dropped;
  private long lastScanNanos;
  private Optional<StopReason> ended = Optional.empty();

  private PreDumpSession(
      TargetTree tree,
      ChainDirectory chain,
      Fd chainLock,
      boolean madeDirectory,
      SessionOptions options,
      Optional<CopyBudget> budget)
      throws IOException {
    this.tree = tree;
    this.chain = chain;
    this.chainLock = chainLock;
    this.options = options;
    this.brake = new CopyBrake(options.limits());
    this.pipeline =
        budget.isPresent()
            ? new CopyPipeline(options.threads(), options.level(), brake, budget.get())
            : new CopyPipeline(options.threads(), options.level(), brake);
    this.madeDirectory = madeDirectory;
    this.downtime = new DowntimeModel(tree.threadCount());
  }

  /**
   * Attaches to a running process. To track it by userfaultfd, one of its threads is stopped for
   * some hundred microseconds, once, to obtain the descriptor.
   *
   * @param target the process; not this one, nor a child of this one
   * @param imagesDir created (0700) if missing; its parent must exist. May hold earlier rounds of
   *     the same process: the first round of the session is then a full one behind them
   * @throws TargetRefusedException if the process cannot be a target, with the reason
   * @throws io.predump.images.ImageException if the directory holds foreign files, another
   *     process's chain, or a damaged one
   * @throws IOException if the directory cannot be used, or the kernel refuses
   */
  public static PreDumpSession attach(Pid target, Path imagesDir, SessionOptions options)
      throws IOException {
    return attach(target, imagesDir, options, KernelFeatures.current(), TestHooks.NONE);
  }

  /**
   * The same for one of several sessions, or on behalf of somebody else.
   *
   * @param budget what all sessions may take together; borrowed, closed after them. Its copies have
   *     no more threads than it says, whatever the options say
   * @param admission which processes may be taken, now and later
   * @throws TargetRefusedException also if a process is not admitted
   * @throws IOException as {@link #attach(Pid, Path, SessionOptions)}
   */
  public static PreDumpSession attach(
      Pid target, Path imagesDir, SessionOptions options, CopyBudget budget, Admission admission)
      throws IOException {
    return attach(
        target,
        imagesDir,
        options,
        Optional.of(budget),
        admission,
        KernelFeatures.current(),
        TestHooks.NONE);
  }

  /**
   * Attaches to a running process only to watch how it writes: nothing is copied, and nothing goes
   * to a disk. The target is armed and let go of as by a run, and refused for the same reasons.
   *
   * @param options of which tracker, single, allowDeviceWriters and threads matter
   * @return to be closed, which lets go of the target
   * @throws TargetRefusedException if the process cannot be a target, or no tracker reports writes
   * @throws IOException if the kernel refuses
   */
  public static WriteProbe probe(Pid target, SessionOptions options, ProbeOptions probing)
      throws IOException {
    return probe(target, options, probing, Admission.EVERYTHING);
  }

  /**
   * The same for somebody who may not see everything.
   *
   * @param admission asked of every process of the tree, then and later
   * @throws IOException also what the admission throws
   */
  public static WriteProbe probe(
      Pid target, SessionOptions options, ProbeOptions probing, Admission admission)
      throws IOException {
    ProcStatus status = TargetCheck.check(target);
    KernelFeatures features = KernelFeatures.current();
    WriteProbe.requireReports(TrackerPlan.of(options.tracker(), features));
    return new WriteProbe(
        TargetTree.attach(status, options, features, admission, TestHooks.NONE), options, probing);
  }

  static PreDumpSession attach(
      Pid target, Path imagesDir, SessionOptions options, KernelFeatures features, TestHooks hooks)
      throws IOException {
    return attach(
        target, imagesDir, options, Optional.empty(), Admission.EVERYTHING, features, hooks);
  }

  private static PreDumpSession attach(
      Pid target,
      Path imagesDir,
      SessionOptions options,
      Optional<CopyBudget> budget,
      Admission admission,
      KernelFeatures features,
      TestHooks hooks)
      throws IOException {
    ProcStatus status = TargetCheck.check(target);
    TrackerPlan.of(options.tracker(), features);
    if (options.freezeCgroup().isPresent()) {
      CgroupMethod.check(
          options.freezeCgroup().get(),
          options.single() ? List.of(target) : ProcessTree.descendants(target));
    }
    boolean existed = Files.exists(imagesDir);
    ChainDirectory chain = ChainDirectory.openOrCreate(imagesDir);
    Fd lock = Fd.openDirectory(imagesDir.toString());
    try {
      if (!lock.tryLockExclusive()) {
        throw new IOException(imagesDir + ": another run is writing here");
      }
      chain.requireChainOf(AttachedProcess.identity(status), Machine.bootId());
      chain.sweepPartials();
      // What all sessions may take bounds each one's walks too.
      CopyLimits total = budget.map(b -> b.brake().limits()).orElse(CopyLimits.NONE);
      SessionOptions bounded = options.withLimits(options.limits().within(total));
      TargetTree tree = TargetTree.attach(status, bounded, features, admission, hooks);
      try {
        return new PreDumpSession(tree, chain, lock, !existed, options, budget);
      } catch (IOException | RuntimeException | Error e) {
        tree.close();
        throw e;
      }
    } catch (IOException | RuntimeException | Error e) {
      lock.close();
      if (!existed) {
        removeIfEmpty(imagesDir);
      }
      throw e;
    }
  }

  private static void removeIfEmpty(Path imagesDir) {
    try {
      Files.deleteIfExists(imagesDir);
    } catch (IOException e) {
      // Not empty, or not ours to remove: nothing is lost by leaving it.
    }
  }

  /** Is told about progress from now on. */
  public void listen(LoopListener newListener) {
    listener = newListener;
  }

  /** {@return the tracker in use, and why} */
  public String trackerDescription() {
    return tree.tracker().description();
  }

  /** {@return what the operator should know, so far} */
  public List<String> warnings() {
    return tree.warnings();
  }

  /** {@return why nobody can vouch for the images, so far; empty if they are what memory was} */
  public List<String> notVerified() {
    return tree.notVerified();
  }

  /**
   * {@return bytes of shared memory the tree maps now and that hold data, each object once: what a
   * {@link Checkpointer} copies while it holds the tree}
   *
   * @throws IOException if the target is gone
   */
  public long sharedBytes() throws IOException {
    return tree.sharedBytes();
  }

  /**
   * {@return bytes of memory in use now, resident and in swap, of all processes}
   *
   * @throws IOException if the target is gone
   */
  public long usedBytes() throws IOException {
    return tree.usedBytes();
  }

  /** {@return the longest time a thread stood still to attach its process, microseconds} */
  public long stoppedMicros() {
    return tree.longestStopNanos() / 1000;
  }

  /** {@return how the target ended, empty while it lives} */
  public Optional<StopReason> ended() {
    return ended;
  }

  /** Makes the round under way fail, and every later one; for any thread. */
  public void cancel() {
    pipeline.cancel();
  }

  /**
   * Takes one live round. With soft-dirty tracking all threads stand still while written pages are
   * listed, from the second round on; the record says how long.
   *
   * @return its record, once durable; empty if the target is gone, see {@link #ended}
   * @throws IOException if it cannot be written; the round is dropped, earlier ones stay good, and
   *     a later round still covers everything
   */
  public Optional<RoundRecord> round() throws IOException {
    return round(RoundJudge.INDIFFERENT);
  }

  /**
   * Takes one live round if the judge admits it.
   *
   * @return its record; empty if the target is gone, or if the round was not admitted
   */
  Optional<RoundRecord> round(RoundJudge judge) throws IOException {
    long began = System.nanoTime();
    try (RoundAssembly assembly = newRound(false)) {
      ScanCounts scan = new ScanCounts();
      long scanBegan = scan(scan, began);
      long window = windowNanos(scanBegan);
      hot.ifPresent(pages -> pages.scanned(tree.tables(), window > 0, downtime));
      assembly.begin(tree.spaces());
      if (!tree.hooks().on(Protection.OWED_WHEN_DEFERRED)) {
        tree.tables().forEach(PageTable::forgetDeferred);
      }
      long scanned = System.nanoTime();
      if (!judge.admits(assembly.plannedPages() << PageTable.PAGE_SHIFT)) {
        return Optional.empty();
      }
      copy(assembly, judge.mostStoredBytes());
      tree.hooks().before("the commit");
      RoundRecord record =
          assembly.commit(
              new RoundAssembly.Measures(
                  scan, scanned - began, scan.frozenNanos / 1000, Optional.empty(), began, window),
              (held, mustRead, rate) -> forecast(held, mustRead, rate, scanBegan),
              judge,
              options.engineVersion());
      settled(assembly, scanBegan);
      pipeline.learn(assembly.copied(), record.syncMicros() * 1000);
      if (window > 0) {
        writtenBytesPerSecond = record.dirtyRate().bytesPerSecond();
      }
      return Optional.of(record);
    } catch (OverspentException e) {
      judge.overspent();
      return Optional.empty();
    } catch (IOException e) {
      return lost(e);
    }
  }

  /** A round stored more than it might. */
  private static final class OverspentException extends IOException {
    private static final long serialVersionUID = 1L;
  }

  /**
   * Lists and arms. Before a paced first round it does so twice, for how fast the target writes
   * must be known.
   *
   * @return when the last scan began
   */
  private long scan(ScanCounts scan, long began) throws IOException {
    hot.ifPresent(pages -> pages.beforeScan(tree.tables()));
    tree.hooks().before("the scan");
    tree.scanLive(scan);
    if (lastScanNanos != 0 || !options.limits().paced()) {
      return began;
    }
    long until = System.nanoTime() + PACE_WINDOW_NANOS;
    while (System.nanoTime() < until && !pipeline.cancelled()) {
      LockSupport.parkNanos(PACE_WINDOW_NANOS / 10);
    }
    ScanCounts again = new ScanCounts();
    long scanBegan = System.nanoTime();
    tree.scanLive(again);
    writtenBytesPerSecond =
        (long) ((again.written << PageTable.PAGE_SHIFT) * 1e9 / (scanBegan - began));
    return scanBegan;
  }

  private void copy(RoundAssembly assembly, long mostStoredBytes) throws IOException {
    tree.hooks().before("the copy");
    assembly.hurry(false);
    brake.beginRound(options.limits().nextBytesPerSecond(writtenBytesPerSecond));
    Progress shown = new Progress(assembly);
    CopyPipeline.Progress progress =
        pages -> {
          shown.read(pages);
          requireWithin(mostStoredBytes, assembly);
        };
    for (int i = 0; i < assembly.spaces().size(); i++) {
      PageSpace space = assembly.spaces().get(i);
      assembly.copy(i, 0, space.jobs().count(), new DirectSource(space.origin()), progress);
    }
    requireWithin(mostStoredBytes, assembly);
    downtime.learnReading(
        assembly.copied().read() << PageTable.PAGE_SHIFT, assembly.copied().readNanos());
  }

  private static void requireWithin(long mostStoredBytes, RoundAssembly assembly)
      throws OverspentException {
    if (mostStoredBytes != Long.MAX_VALUE && assembly.storedBytes() > mostStoredBytes) {
      throw new OverspentException();
    }
  }

  /**
   * From now on leaves hot pages to the final freeze.
   *
   * @param downtimeNanos how long it may last
   */
  void deferHotPages(long downtimeNanos) {
    hot = Optional.of(new HotPages(downtimeNanos));
  }

  /** {@return the bound on what workers take, and how long they waited for it} */
  CopyBrake brake() {
    return brake;
  }

  /** {@return bytes that can still be written where the rounds go} */
  long freeDiskBytes() throws IOException {
    return Files.getFileStore(chain.path()).getUsableSpace();
  }

  /**
   * {@return how the target ended, asked now; empty while it lives}
   *
   * @throws IOException if that cannot be told
   */
  public Optional<StopReason> endedByNow() throws IOException {
    if (ended.isEmpty() && !tree.root().sameAddressSpace()) {
      lost(new TargetGoneException());
    }
    return ended;
  }

  /**
   * Stops every thread, captures what was written since the last round, and lets the process go on.
   * The process stands still for stop, scan and read; compressing and writing come after the thaw,
   * unless more than {@link SessionOptions#freezeBufferBytes} must be read.
   *
   * @param verify whether the round is committed and its files compared with the frozen memory
   *     before the thaw; the time this takes is reported apart. {@link #cancel} ends the comparison
   *     without a result
   * @return the round; empty if the target is gone
   * @throws IOException as {@link #round()}; also if a thread does not stop, or a page of the
   *     frozen process cannot be read: then the round is dropped and the process runs on
   */
  public Optional<FinalRound> finish(boolean verify) throws IOException {
    return finish(Optional.empty(), verify);
  }

  /**
   * The same as a whole checkpoint: somebody else freezes the tree and writes all but private
   * memory beside this round. Shared memory is his, and not compared.
   *
   * @param checkpointer borrowed; for this round alone
   * @param verify as in {@link #finish(boolean)}; if anything differs the checkpoint fails, and the
   *     tree runs on
   * @return the round; empty if the target is gone
   * @throws IOException as {@link #finish(boolean)}; also what the checkpointer fails with, or if a
   *     resident page of a mapping it leaves to us would be held by nobody
   */
  public Optional<FinalRound> finish(Checkpointer checkpointer, boolean verify) throws IOException {
    return finish(Optional.of(checkpointer), verify);
  }

  private Optional<FinalRound> finish(Optional<Checkpointer> by, boolean verify)
      throws IOException {
    boolean hold = verify || by.map(Checkpointer::holdsUntilDurable).orElse(false);
    long began = System.nanoTime();
    try (RoundAssembly assembly = newRound(true);
        CopyPipeline.Held tools = pipeline.hold();
        NativeBuffer buffer = NativeBuffer.allocate(options.freezeBufferBytes())) {
      buffer.prefault(Math.min(options.freezeBufferBytes(), EXPECTED_FREEZE_BYTES));
      tree.tables().forEach(table -> table.deferFrom(PageTable.HEATS));
      tree.rehearseFreeze();
      if (by.isPresent()) {
        rehearseCheckpoint();
      }
      tree.hooks().before("the freeze");
      try (FreezeMethod method = freezeMethod(by, assembly);
          FreezeWindow window = openFreeze(assembly, method)) {
        tree.hooks().before("the capture");
        window.capture(buffer, new Progress(assembly), by.isEmpty());
        if (by.isPresent()) {
          window.requireResident(by.get().privateMappings());
        }
        if (!hold) {
          thaw(window, by);
        }
        window.copyRest(new Progress(assembly));
        if (by.isPresent()) {
          assembly.takeCheckpoint(by.get().origin());
        }
        tree.hooks().before("the commit");
        FreezeRecord freeze = window.record();
        RoundRecord record =
            assembly.commit(
                new RoundAssembly.Measures(
                    window.scan(),
                    freeze.scanMicros() * 1000,
                    freeze.frozenMicros(),
                    Optional.of(freeze),
                    began,
                    windowNanos(window.scanBeganNanos())),
                (held, mustRead, rate) -> new long[2],
                RoundJudge.INDIFFERENT,
                options.engineVersion());
        Optional<VerifyResult> result = Optional.empty();
        settled(assembly, window.scanBeganNanos());
        if (verify) {
          tree.hooks().before("the comparison");
          result = verify(window);
        }
        if (hold) {
          // Given up on request is not found equal: then the tree goes on.
          boolean equal = !verify || result.map(r -> r.different() == 0).orElse(false);
          Optional<Checkpointer> allowed = equal && !pipeline.cancelled() ? by : Optional.empty();
          allowed.ifPresent(Checkpointer::durable);
          thaw(window, allowed);
        }
        boolean refuted = by.isPresent() && result.map(r -> r.different() > 0).orElse(false);
        if (refuted) {
          dropped = true;
          chain.dropNewest();
        }
        return Optional.of(new FinalRound(record, freeze, result, !refuted));
      }
    } catch (IOException e) {
      return lost(e);
    }
  }

  private void rehearseCheckpoint() {
    Residency.rehearse(tree);
    if (parentRound.isPresent()) {
      CriuImages.rehearse(chain.roundPath(parentRound.getAsInt()), tree.root().vpid());
    }
  }

  private void thaw(FreezeWindow window, Optional<Checkpointer> by) throws IOException {
    tree.hooks().before("the thaw");
    listener.thawed(window.thaw());
    if (by.isPresent()) {
      by.get().requireDone();
    }
  }

  private FreezeMethod freezeMethod(Optional<Checkpointer> by, RoundAssembly assembly)
      throws IOException {
    FreezeMethod method =
        by.isPresent()
            ? new OutsideMethod(by.get(), assembly.checkpointDirectory())
            : FreezeMethod.of(options, tree.pids());
    tree.warn(method.warnings());
    return method;
  }

  private FreezeWindow openFreeze(RoundAssembly assembly, FreezeMethod method) throws IOException {
    System.gc(); // a collection now is one less under the freeze
    return FreezeWindow.open(tree, assembly, options, method);
  }

  /** {@return the comparison; empty if it was given up on request: the round is good without} */
  private Optional<VerifyResult> verify(FreezeWindow window) throws IOException {
    try {
      return Optional.of(window.verify(chain.path(), pipeline::cancelled));
    } catch (CancelledException e) {
      return Optional.empty();
    }
  }

  private RoundAssembly newRound(boolean finalFreeze) throws IOException {
    if (ended.isPresent()) {
      throw new IllegalStateException("the session has ended: " + ended.get().sentence());
    }
    if (dropped) {
      throw new IllegalStateException("the session has ended: its checkpoint was found different");
    }
    chain
        .sweepPartials(); // what a round that failed could not remove, for the disk failed then too
    RoundWriter writer = RoundWriter.begin(chain, parentRound);
    listener.roundStarted(writer.round());
    return new RoundAssembly(writer, tree, pipeline, finalFreeze);
  }

  private void settled(RoundAssembly assembly, long scanNanos) {
    parentRound = OptionalInt.of(assembly.round());
    lastScanNanos = scanNanos;
  }

  /** {@return the time since the last scan began, 0 before the first} */
  private long windowNanos(long scanBegan) {
    return lastScanNanos == 0 ? 0 : Math.max(1, scanBegan - lastScanNanos);
  }

  private long[] forecast(long held, long mustRead, DirtyRate rate, long scanBegan) {
    if (rate.windowMillis() == 0) {
      return new long[] {0, downtime.floorMicros(held)};
    }
    double sinceScan = (System.nanoTime() - scanBegan) / 1e9;
    double heldBytes = (double) held * PageTable.PAGE_BYTES;
    // Deferred pages are written round after round, and read by the freeze anyway: not twice.
    double deferred =
        tree.tables().stream().mapToLong(PageTable::deferredPages).sum()
            * (double) PageTable.PAGE_BYTES
            * 1000
            / rate.windowMillis();
    double others = Math.max(0, rate.bytesPerSecond() - deferred);
    long dirty = (long) Math.min(heldBytes, others * sinceScan);
    long bytes = dirty + (mustRead << PageTable.PAGE_SHIFT);
    return new long[] {downtime.predictMicros(held, bytes), downtime.floorMicros(held)};
  }

  /** Tells the target's end from a failure. */
  private <T> Optional<T> lost(IOException e) throws IOException {
    ended = Optional.of(tree.endBehind(e));
    return Optional.empty();
  }

  /** Hands pages read on to the listener, some ten times a second. */
  private final class Progress implements CopyPipeline.Progress {
    private static final long STEP_NANOS = 100_000_000;

    private final RoundAssembly assembly;
    private long pages;
    private long nextNanos = System.nanoTime() + STEP_NANOS;

    Progress(RoundAssembly assembly) {
      this.assembly = assembly;
    }

    @Override
    public synchronized void read(long morePages) {
      pages += morePages;
      long now = System.nanoTime();
      if (now >= nextNanos) {
        nextNanos = now + STEP_NANOS;
        listener.progress(
            assembly.round(),
            pages << PageTable.PAGE_SHIFT,
            assembly.plannedPages() << PageTable.PAGE_SHIFT);
      }
    }
  }

  /** Lets go of the target and of the images directory. */
  @Override
  public void close() {
    tree.hooks().before("the release");
    try {
      Closing.all(List.of(pipeline, tree, chainLock));
      if (options.restoreThp()) {
        listener.hugePagesRestored(tree.hugePages().restored(), tree.hugePages().wanted());
      }
    } finally {
      if (madeDirectory && parentRound.isEmpty()) {
        removeIfEmpty(chain.path());
      }
    }
  }
}
