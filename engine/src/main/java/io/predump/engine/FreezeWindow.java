package io.predump.engine;

import io.predump.linux.AddressRange;
import io.predump.linux.NativeBuffer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The time in which all threads of the target stand still. Inside: read maps, list what was
 * written, read it into a buffer. What does not fit is compressed and written frozen, first; the
 * rest follows after the thaw. Closing the window thaws, whatever happened in it.
 */
final class FreezeWindow implements AutoCloseable {
  private final TargetTree tree;
  private final RoundAssembly assembly;
  private final FrozenTree frozen;
  private final ScanCounts scan = new ScanCounts();
  private final List<BufferedSource> buffered = new ArrayList<>();
  private int[] firstBuffered = new int[0];
  private long scannedNanos;
  private long readNanos;
  private long checkNanos;
  private long writtenFrozenBytes;
  private @Nullable FreezeRecord record;
  private boolean thawed;

  private FreezeWindow(TargetTree tree, RoundAssembly assembly, FrozenTree frozen) {
    this.tree = tree;
    this.assembly = assembly;
    this.frozen = frozen;
  }

  /**
   * Stops all threads of all processes of the tree.
   *
   * @throws IOException if one does not stop in time; all of them run on
   */
  static FreezeWindow open(
      TargetTree tree, RoundAssembly assembly, SessionOptions options, FreezeMethod method)
      throws IOException {
    return new FreezeWindow(tree, assembly, FrozenTree.open(tree, options, method));
  }

  /**
   * Lists and reads what was written.
   *
   * @param buffer borrowed until the rest is copied
   * @param withShared whether shared memory is part of the round
   */
  void capture(NativeBuffer buffer, CopyPipeline.Progress progress, boolean withShared)
      throws IOException {
    tree.scanFrozen(scan, withShared);
    assembly.begin(tree.spaces());
    scannedNanos = System.nanoTime();
    long toWriteFrozen = (assembly.plannedPages() << PageTable.PAGE_SHIFT) - buffer.byteCount();
    long used = 0;
    firstBuffered = new int[assembly.spaces().size()];
    assembly.hurry(true);
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
    frozen.requireHeld();
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

  /**
   * Proves that every resident page of the mappings is held, or about to be.
   *
   * @param mappings by pid in the images
   * @throws IOException naming the first page that is not
   */
  void requireResident(Map<Integer, List<AddressRange>> mappings) throws IOException {
    long began = System.nanoTime();
    if (tree.hooks().on(Protection.RESIDENCY)) {
      Residency.require(tree, mappings);
    }
    checkNanos = System.nanoTime() - began;
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
    assembly.hurry(!thawed);
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
    VerifyResult result =
        MemoryComparison.compare(
            imagesDir, MemoryComparison.views(tree), tree.shared(), tree.features(), cancelled);
    frozen.requireHeld();
    return result;
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
      long end = thawed ? frozen.thawedNanos() : readNanos + checkNanos;
      known =
          new FreezeRecord(
              frozen.method(),
              frozen.threadCount(),
              (frozen.stoppedNanos() - frozen.beganNanos()) / 1000,
              (scannedNanos - frozen.stoppedNanos()) / 1000,
              (readNanos - scannedNanos) / 1000,
              checkNanos / 1000,
              (end - frozen.beganNanos()) / 1000,
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
    return frozen.stoppedNanos();
  }

  @Override
  public void close() {
    if (!thawed) {
      thawed = true;
      frozen.close();
    }
  }
}
