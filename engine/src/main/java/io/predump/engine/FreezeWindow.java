package io.predump.engine;

import io.predump.linux.NativeBuffer;
import io.predump.linux.ThreadPriority;
import io.predump.linux.ptrace.Freezer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The time in which all threads of the target stand still. Inside: read maps, list what was
 * written, read it into a buffer. What does not fit is compressed and written frozen, first; the
 * rest follows after the thaw. Closing the window thaws, whatever happened in it.
 */
final class FreezeWindow implements AutoCloseable {
  private final AttachedProcess process;
  private final RoundAssembly assembly;
  private final Freezer freezer;
  private final ThreadPriority priority;
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
      AttachedProcess process, RoundAssembly assembly, Freezer freezer, ThreadPriority priority) {
    this.process = process;
    this.assembly = assembly;
    this.freezer = freezer;
    this.priority = priority;
    this.stoppedNanos = System.nanoTime();
  }

  /**
   * Stops all threads.
   *
   * @throws IOException if one does not stop in time; all of them run on
   */
  static FreezeWindow open(AttachedProcess process, RoundAssembly assembly, SessionOptions options)
      throws IOException {
    ThreadPriority priority = ThreadPriority.raise();
    try {
      Freezer freezer = Freezer.freeze(process.pid(), options.freezeTimeout());
      return new FreezeWindow(process, assembly, freezer, priority);
    } catch (IOException | RuntimeException e) {
      priority.close();
      throw e;
    }
  }

  /**
   * Lists and reads what was written.
   *
   * @param buffer borrowed until the rest is copied
   */
  void capture(NativeBuffer buffer, CopyPipeline.Progress progress) throws IOException {
    process.scanFrozen(scan);
    assembly.begin(process.spaces());
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

  /** Compares the committed files with the frozen memory; the window must still be open. */
  VerifyResult verify(Path imagesDir) throws IOException {
    if (thawed) {
      throw new IllegalStateException("the process runs again");
    }
    return MemoryVerifier.compare(imagesDir, process.pid(), process.vmas(), process.shared());
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
      long end = thawed ? System.nanoTime() : readNanos;
      known =
          new FreezeRecord(
              freezer.threadCount(),
              (stoppedNanos - freezer.frozenSinceNanos()) / 1000,
              (scannedNanos - stoppedNanos) / 1000,
              (readNanos - scannedNanos) / 1000,
              (end - freezer.frozenSinceNanos()) / 1000,
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
      freezer.close();
      priority.close();
    }
  }
}
