package io.predump.engine;

import io.predump.images.CriuOrigin;
import io.predump.images.DumpStatistics;
import io.predump.images.InventoryImage;
import io.predump.images.ManifestDraft;
import io.predump.images.PageKind;
import io.predump.images.PagesWriter;
import io.predump.images.RoundRecord;
import io.predump.images.RoundRecord.ByteCounts;
import io.predump.images.RoundRecord.DirtyRate;
import io.predump.images.RoundRecord.PageCounts;
import io.predump.images.RoundRecord.VmaCounts;
import io.predump.images.RoundWriter;
import io.predump.images.VmaPolicy;
import io.predump.linux.proc.Machine;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/**
 * Puts one round together: a pages file and a pagemap per space, then the small files, then the
 * commit. Closing it without a commit takes the round back: its directory goes, and what it had
 * stored is owed again.
 */
final class RoundAssembly implements AutoCloseable {
  private final RoundWriter writer;
  private final TargetTree tree;
  private final CopyPipeline pipeline;
  private final boolean finalFreeze;
  private final Map<PageSpace, PagesWriter> files = new LinkedHashMap<>();
  private final Set<PageSpace> dropped = new HashSet<>();
  private List<PageSpace> spaces = List.of();
  private CopyCounts copied = CopyCounts.NONE;
  private Optional<CriuOrigin> criu = Optional.empty();
  private boolean committed;

  /**
   * @param writer taken over: closed with the assembly
   */
  RoundAssembly(RoundWriter writer, TargetTree tree, CopyPipeline pipeline, boolean finalFreeze) {
    this.writer = writer;
    this.tree = tree;
    this.pipeline = pipeline;
    this.finalFreeze = finalFreeze;
  }

  int round() {
    return writer.round();
  }

  /** {@return an empty directory of this round for the files of whoever makes it a checkpoint} */
  Path checkpointDirectory() throws IOException {
    return writer.criuDirectory();
  }

  /** Makes what lies in {@link #checkpointDirectory} part of the round: it is complete. */
  void takeCheckpoint(CriuOrigin origin) throws IOException {
    writer.takeCriuFiles();
    criu = Optional.of(origin);
  }

  /** Takes what is to be copied, one space after the other. */
  void begin(List<PageSpace> toCopy) {
    spaces = toCopy;
  }

  /**
   * {@return the pages file of a space, made when first asked for: the final round reads before it
   * makes any}
   */
  private PagesWriter file(PageSpace space) throws IOException {
    PagesWriter known = files.get(space);
    if (known == null) {
      known = writer.pages(space.name());
      files.put(space, known);
    }
    return known;
  }

  List<PageSpace> spaces() {
    return spaces;
  }

  /** {@return bytes of frames written so far} */
  long storedBytes() {
    return files.values().stream().mapToLong(PagesWriter::frameBytes).sum();
  }

  /** {@return pages that are owed and left to the freeze} */
  private long deferredPages() {
    return tree.tables().stream().mapToLong(PageTable::deferredPages).sum();
  }

  /** {@return pages to read in this round} */
  long plannedPages() {
    return spaces.stream().mapToLong(space -> space.jobs().totalPages()).sum();
  }

  /** Copies jobs {@code [firstJob, endJob)} of one space. */
  void copy(int space, int firstJob, int endJob, PageSource source, CopyPipeline.Progress progress)
      throws IOException {
    PageSpace from = spaces.get(space);
    if (dropped.contains(from)) {
      return;
    }
    try {
      copied =
          copied.plus(
              pipeline.copy(
                  new CopyPipeline.Task(
                      from.jobs(),
                      firstJob,
                      endJob,
                      source,
                      from.table(),
                      file(from),
                      finalFreeze,
                      progress)));
    } catch (IOException e) {
      AttachedProcess owner = from.owner();
      if (owner == null || !tree.isGone(owner, e)) {
        throw e;
      }
      drop(space, owner);
    }
  }

  /** Says whether the target stands still while pages are copied. */
  void hurry(boolean now) {
    pipeline.hurry(now);
  }

  /** The process ended: it is no part of this round any more. */
  private void drop(int space, AttachedProcess owner) throws IOException {
    PageSpace gone = spaces.get(space);
    if (dropped.add(gone)) {
      PagesWriter begun = files.remove(gone);
      if (begun != null) {
        writer.discard(begun);
      }
      tree.remove(owner);
    }
  }

  /**
   * Asks every process whether its address space is still the one attached to: the last question,
   * after the last byte was read. In the final round that is under the freeze: who ends after the
   * thaw takes nothing with him.
   */
  void dropTheGone() throws IOException {
    AttachedProcess root = tree.root();
    if (!root.sameAddressSpace()) {
      throw new TargetGoneException();
    }
    for (int i = 0; i < spaces.size(); i++) {
      AttachedProcess owner = spaces.get(i).owner();
      // Asked once each: a round without the root's pages, but with its name, would be damaged.
      if (owner != null
          && owner != root
          && !dropped.contains(spaces.get(i))
          && !owner.sameAddressSpace()) {
        drop(i, owner);
      }
    }
  }

  CopyCounts copied() {
    return copied;
  }

  /** {@return pages the round's pagemaps hold, stored or in the parent} */
  private long heldPages() {
    return files.values().stream().mapToLong(f -> f.presentPages() + f.parentPages()).sum();
  }

  /** What the round measured besides the copying itself. */
  record Measures(
      ScanCounts scan,
      long scanNanos,
      long frozenMicros,
      Optional<FreezeRecord> freeze,
      long beganNanos,
      long windowNanos) {}

  /** Predicts from what is known at the end of a round. */
  interface Forecast {
    /**
     * {@return predicted downtime and its floor, microseconds}
     *
     * @param heldPages pages the round's images hold
     * @param mustReadPages pages the freeze reads whatever is written by then: owed and compared
     * @param rate how fast the target writes; its window is 0 if that is not known yet
     */
    long[] downtime(long heldPages, long mustReadPages, DirtyRate rate);
  }

  /**
   * Writes the pagemaps and the small files, makes everything durable and renames it into place.
   *
   * @param judge is shown the record just before it is written, and says why to stop, if at all
   */
  RoundRecord commit(Measures measures, Forecast forecast, RoundJudge judge, String engineVersion)
      throws IOException {
    tree.hooks().come(TestHooks.Moment.BEFORE_COMMIT);
    if (!finalFreeze) {
      dropTheGone();
    }
    for (PageSpace space : spaces) {
      if (!dropped.contains(space)) {
        writePagemap(space.table(), file(space));
      }
    }
    for (AttachedProcess process : tree.members()) {
      writer.mm(process.vpid(), process.mm(tree.shared()));
    }
    writer.inventory(new InventoryImage(finalFreeze ? 2 : 0, measures.beganNanos() / 1000));
    writer.stats(statistics(measures));
    long owed = owedPages(tree.tables());
    if (finalFreeze) {
      // What CRIU dumps itself is not ours to hold.
      requireNoneOwed(criu.isPresent() ? tree.privateTables() : tree.tables());
    }
    ManifestDraft draft =
        new ManifestDraft(
            engineVersion,
            Machine.kernelRelease(),
            Machine.bootId(),
            finalFreeze,
            tree.identities(),
            tree.root().trackerName(),
            tree.vmaRecords(),
            owed,
            System.currentTimeMillis(),
            tree.warnings(),
            tree.notVerified(),
            criu);
    RoundRecord[] written = new RoundRecord[1];
    writer.commit(
        draft,
        syncMicros -> {
          RoundRecord record = record(measures, forecast, owed, syncMicros);
          String reason = judge.judge(record).map(Enum::name).orElse("");
          written[0] = withStopReason(record, reason);
          return written[0];
        });
    committed = true;
    tree.warn(writer.warnings());
    tree.tables().forEach(PageTable::sealRound);
    return written[0];
  }

  private static long owedPages(List<PageTable> tables) {
    return tables.stream().mapToLong(PageTable::owedPages).sum();
  }

  /**
   * Refuses to leave a page owed: no round follows the final one, and the page would be lost.
   *
   * @throws IOException saying how many there are, and where the first one is
   */
  static void requireNoneOwed(List<PageTable> tables) throws IOException {
    long owed = owedPages(tables);
    if (owed > 0) {
      OptionalLong[] first = {OptionalLong.empty()};
      tables.forEach(
          table ->
              table.forEachOwed(
                  (start, end) ->
                      first[0] = first[0].isPresent() ? first[0] : OptionalLong.of(start)));
      throw new IOException(
          "the final round lacks "
              + owed
              + " pages that were written, the first at 0x"
              + Long.toHexString(first[0].orElse(0)));
    }
  }

  private static void writePagemap(PageTable table, PagesWriter file) throws IOException {
    IOException[] failure = new IOException[1];
    table.forEachHeld(
        (address, pageCount, stored) -> {
          if (failure[0] == null) {
            try {
              file.entry(address, pageCount, stored ? PageKind.PRESENT : PageKind.PARENT);
            } catch (IOException e) {
              failure[0] = e;
            }
          }
        });
    if (failure[0] != null) {
      throw failure[0];
    }
    file.finish();
  }

  private DumpStatistics statistics(Measures measures) {
    FreezeRecord freeze = measures.freeze().orElse(null);
    return new DumpStatistics(
        freeze == null ? 0 : freeze.stopMicros(),
        measures.frozenMicros(),
        readMicros(measures),
        copied.writeNanos() / 1000,
        measures.scan().scanned,
        files.values().stream().mapToLong(PagesWriter::parentPages).sum(),
        copied.stored(),
        0);
  }

  private RoundRecord record(Measures measures, Forecast forecast, long owed, long syncMicros) {
    DirtyRate rate = rate(writtenPages(measures.scan()), measures.windowNanos());
    long mustRead = owed + measures.scan().compared;
    long[] downtime = finalFreeze ? new long[2] : forecast.downtime(heldPages(), mustRead, rate);
    return new RoundRecord(
        writer.round(),
        measures.scanNanos() / 1000,
        measures.scan().armNanos / 1000,
        readMicros(measures),
        perWorkerMicros(copied.compressNanos()),
        copied.writeNanos() / 1000,
        syncMicros,
        measures.frozenMicros(),
        (System.nanoTime() - measures.beganNanos()) / 1000,
        vmaCounts(),
        new PageCounts(
            measures.scan().scanned,
            writtenPages(measures.scan()),
            copied.zero(),
            copied.same(),
            deferredPages(),
            owed,
            copied.stored(),
            files.values().stream().mapToLong(PagesWriter::parentPages).sum()),
        new ByteCounts(copied.read() << PageTable.PAGE_SHIFT, copied.storedBytes()),
        rate,
        downtime[0],
        downtime[1],
        "");
  }

  private static DirtyRate rate(long writtenPages, long windowNanos) {
    if (windowNanos == 0) {
      return new DirtyRate(0, 0);
    }
    double bytes = (double) writtenPages * PageTable.PAGE_BYTES;
    return new DirtyRate((long) (bytes * 1e9 / windowNanos), Math.max(1, windowNanos / 1_000_000));
  }

  private VmaCounts vmaCounts() {
    long total = 0;
    long born = 0;
    long gone = 0;
    long skipped = 0;
    for (AttachedProcess process : tree.members()) {
      total += process.vmas().size();
      born += process.newVmas();
      gone += process.goneVmas();
      skipped += process.vmas().stream().filter(vma -> vma.policy() == VmaPolicy.SKIP).count();
    }
    return new VmaCounts(total, born, gone, skipped);
  }

  /** {@return reading the process: by all workers at once, or by one under the freeze} */
  private long readMicros(Measures measures) {
    return measures
        .freeze()
        .map(FreezeRecord::readMicros)
        .orElseGet(() -> perWorkerMicros(copied.readNanos()));
  }

  /** {@return pages written since the scan before: told by the kernel, or found by comparing} */
  private long writtenPages(ScanCounts scan) {
    return scan.written + copied.changed();
  }

  private long perWorkerMicros(long nanos) {
    return nanos / pipeline.workers(finalFreeze) / 1000;
  }

  private static RoundRecord withStopReason(RoundRecord r, String reason) {
    return new RoundRecord(
        r.round(),
        r.scanMicros(),
        r.armMicros(),
        r.readMicros(),
        r.compressMicros(),
        r.writeMicros(),
        r.syncMicros(),
        r.frozenMicros(),
        r.totalMicros(),
        r.vmas(),
        r.pages(),
        r.bytes(),
        r.dirtyRate(),
        r.predictedDowntimeMicros(),
        r.floorMicros(),
        reason);
  }

  @Override
  public void close() throws IOException {
    if (!committed) {
      boolean takenBack = tree.hooks().on(Protection.OWED_UNTIL_STORED);
      tree.tables().forEach(takenBack ? PageTable::abortRound : PageTable::sealRound);
    }
    writer.close();
  }
}
