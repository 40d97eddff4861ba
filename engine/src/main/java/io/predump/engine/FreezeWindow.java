package io.predump.engine;

import io.predump.linux.Errno;
import io.predump.linux.NativeBuffer;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.ThreadPriority;
import io.predump.linux.ptrace.Freezer;
import io.predump.linux.ptrace.TraceException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The time in which all threads of the target stand still. Inside: read maps, list what was
 * written, read it into a buffer. What does not fit is compressed and written frozen, first; the
 * rest follows after the thaw. Closing the window thaws, whatever happened in it.
 */
final class FreezeWindow implements AutoCloseable {
  private static final int MOST_ATTEMPTS = 4;
  private static final long ATTEMPT_PAUSE_NANOS = 300_000_000;

  private final TargetTree tree;
  private final RoundAssembly assembly;
  private final List<Freezer> freezers;
  private final ThreadPriority priority;
  private final long beganNanos;
  private final long stoppedNanos;
  private final ScanCounts scan = new ScanCounts();
  private final List<BufferedSource> buffered = new ArrayList<>();
  private int[] firstBuffered = new int[0];
  private long scannedNanos;
  private long readNanos;
  private long writtenFrozenBytes;
  private @Nullable FreezeRecord record;
  private boolean thawed;

  private FreezeWindow(
      TargetTree tree, RoundAssembly assembly, List<Freezer> freezers, ThreadPriority priority) {
    this.tree = tree;
    this.assembly = assembly;
    this.freezers = freezers;
    this.priority = priority;
    this.stoppedNanos = System.nanoTime();
    this.beganNanos = freezers.get(0).frozenSinceNanos();
  }

  /**
   * Stops all threads of all processes of the tree. A process that stands still bears no children,
   * so looking again until nobody new is found ends.
   *
   * @throws IOException if one does not stop in time; all of them run on
   */
  static FreezeWindow open(TargetTree tree, RoundAssembly assembly, SessionOptions options)
      throws IOException {
    for (int attempt = 1; ; attempt++) {
      try {
        return openOnce(tree, assembly, options);
      } catch (TraceException e) {
        // A thread in a vfork or in the middle of I/O: let all run on, and try again.
        if (e.reason() != TraceException.Reason.NO_STOP || attempt == MOST_ATTEMPTS) {
          throw e;
        }
        LockSupport.parkNanos(ATTEMPT_PAUSE_NANOS);
      }
    }
  }

  private static FreezeWindow openOnce(
      TargetTree tree, RoundAssembly assembly, SessionOptions options) throws IOException {
    ThreadPriority priority = ThreadPriority.raise();
    List<Freezer> freezers = new ArrayList<>();
    FreezeWindow opened = null;
    try {
      Set<Pid> seen = new HashSet<>();
      boolean anyNew = true;
      while (anyNew) {
        anyNew = false;
        for (Pid pid : tree.pids()) {
          if (seen.add(pid)) {
            anyNew = true;
            freeze(pid, tree, options, freezers);
          }
        }
      }
      opened = new FreezeWindow(tree, assembly, freezers, priority);
      return opened;
    } finally {
      if (opened == null) {
        priority.close();
        Closing.all(freezers);
      }
    }
  }

  private static void freeze(
      Pid pid, TargetTree tree, SessionOptions options, List<Freezer> freezers) throws IOException {
    try {
      freezers.add(Freezer.freeze(pid, options.freezeTimeout()));
    } catch (SyscallException e) {
      if (pid.equals(tree.root().pid()) || !e.is(Errno.ESRCH)) {
        throw e;
      }
    } catch (TraceException e) {
      if (pid.equals(tree.root().pid()) || e.reason() != TraceException.Reason.NO_LIVE_THREAD) {
        throw e;
      }
    }
  }

  /**
   * Lists and reads what was written.
   *
   * @param buffer borrowed until the rest is copied
   */
  void capture(NativeBuffer buffer, CopyPipeline.Progress progress) throws IOException {
    tree.scanFrozen(scan);
    assembly.begin(tree.spaces());
    scannedNanos = System.nanoTime();
    long toWriteFrozen = (assembly.plannedPages() << PageTable.PAGE_SHIFT) - buffer.byteCount();
    long used = 0;
    firstBuffered = new int[assembly.spaces().size()];
    for (int i = 0; i < assembly.spaces().size(); i++) {
      PageSpace space = assembly.spaces().get(i);
      int job = 0;
      while (toWriteFrozen > 0 && job < space.jobs().count()) {
        long bytes = (long) space.jobs().pages(job++) << PageTable.PAGE_SHIFT;
        toWriteFrozen -= bytes;
        writtenFrozenBytes += bytes;
      }
      assembly.copy(i, 0, job, new DirectSource(space.origin()), progress);
      firstBuffered[i] = job;
      used = buffer(space, job, buffer, used);
    }
    assembly.dropTheGone();
    readNanos = System.nanoTime();
    long lost =
        assembly.copied().lost() + buffered.stream().mapToLong(BufferedSource::lostPages).sum();
    if (lost > 0) {
      throw new IOException(
          "the final freeze: "
              + lost
              + " pages of the frozen process cannot be read, the first at "
              + firstLost());
    }
  }

  private long buffer(PageSpace space, int firstJob, NativeBuffer buffer, long used)
      throws IOException {
    try (PageOrigin.JobReader reader = space.origin().jobReader()) {
      BufferedSource source = BufferedSource.fill(space.jobs(), firstJob, reader, buffer, used);
      buffered.add(source);
      return source.endOffset();
    }
  }

  private String firstLost() {
    for (int i = 0; i < buffered.size(); i++) {
      long address = buffered.get(i).firstLost(assembly.spaces().get(i).jobs());
      if (address >= 0) {
        return String.format("0x%x", address);
      }
    }
    return "an address already written";
  }

  /** Compresses and writes what waits in the buffer. */
  void copyRest(CopyPipeline.Progress progress) throws IOException {
    for (int i = 0; i < buffered.size(); i++) {
      assembly.copy(
          i, firstBuffered[i], assembly.spaces().get(i).jobs().count(), buffered.get(i), progress);
    }
  }

  /**
   * Compares the committed files with the frozen memory; the window must still be open.
   *
   * @throws CancelledException if {@code cancelled} became true meanwhile
   */
  VerifyResult verify(Path imagesDir, BooleanSupplier cancelled) throws IOException {
    if (thawed) {
      throw new IllegalStateException("the process runs again");
    }
    return MemoryVerifier.compare(imagesDir, MemoryVerifier.views(tree), tree.shared(), cancelled);
  }

  /** Lets all threads go; the first call ends the freeze. */
  FreezeRecord thaw() {
    close();
    return record();
  }

  /** {@return the measures; the frozen time without whatever was compared under the freeze} */
  FreezeRecord record() {
    FreezeRecord known = record;
    if (known == null) {
      long end =
          thawed
              ? freezers.stream().mapToLong(Freezer::thawedNanos).max().orElseThrow()
              : readNanos;
      known =
          new FreezeRecord(
              freezers.stream().mapToInt(Freezer::threadCount).sum(),
              (stoppedNanos - beganNanos) / 1000,
              (scannedNanos - stoppedNanos) / 1000,
              (readNanos - scannedNanos) / 1000,
              (end - beganNanos) / 1000,
              assembly.plannedPages(),
              assembly.plannedPages() << PageTable.PAGE_SHIFT,
              writtenFrozenBytes);
      record = known;
    }
    return known;
  }

  ScanCounts scan() {
    return scan;
  }

  long scanBeganNanos() {
    return stoppedNanos;
  }

  @Override
  public void close() {
    if (!thawed) {
      thawed = true;
      priority.close();
      Closing.all(freezers);
    }
  }
}
