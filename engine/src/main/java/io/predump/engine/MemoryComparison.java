package io.predump.engine;

import io.predump.engine.VerifyResult.Difference;
import io.predump.images.ImageChain;
import io.predump.images.PagesName;
import io.predump.images.ResolvedPages;
import io.predump.linux.AddressRange;
import io.predump.linux.Errno;
import io.predump.linux.KernelFeatures;
import io.predump.linux.NativeBuffer;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.mem.PageCategories;
import io.predump.linux.mem.PagemapScanner;
import io.predump.linux.mem.ProcessMemory;
import io.predump.linux.mem.RawPagemap;
import io.predump.linux.proc.MappedFile;
import io.predump.linux.proc.Smaps;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * Compares committed image files, decoded, with the memory of a process that stands still, over the
 * union of the pages the chain holds and the pages the raw pagemap calls resident. It does not
 * share the list of pages (PAGEMAP_SCAN) with the copying, nor the descriptor that bytes are read
 * from, so that a mistake is seen: a page the chain lost, a page it holds with old bytes, a page it
 * holds where nothing is.
 */
final class MemoryComparison {
  private static final int WINDOW_PAGES = 512;

  /** A mapping larger than this is a reservation: only what is populated of it is looked at. */
  private static final long RESERVATION_BYTES = 64L << 30;

  private static final ByteBuffer ZERO_PAGE =
      ByteBuffer.allocate(PageTable.PAGE_BYTES).asReadOnlyBuffer();

  private final boolean scans;
  private final BooleanSupplier cancelled;
  private final NativeBuffer memoryBytes;
  private final ByteBuffer memoryWindow;
  private final ByteBuffer heldPage = ByteBuffer.allocate(PageTable.PAGE_BYTES);
  private final List<Difference> first = new ArrayList<>();
  private List<AddressRange> kernelWritten = List.of();
  private long compared;
  private long different;

  private MemoryComparison(boolean scans, NativeBuffer memoryBytes, BooleanSupplier cancelled) {
    this.scans = scans;
    this.cancelled = cancelled;
    this.memoryBytes = memoryBytes;
    this.memoryWindow = memoryBytes.bytes();
  }

  /**
   * One process to compare.
   *
   * @param pid the process, or a living thread of it
   * @param vpid the pid by which the images name it
   * @param vmas its mappings, read while it stands still
   * @param kernelWritten what the kernel has written since the images were made, and is not
   *     compared
   */
  record View(Pid pid, int vpid, List<PolicedVma> vmas, List<AddressRange> kernelWritten) {
    View(Pid pid, int vpid, List<PolicedVma> vmas) {
      this(pid, vpid, vmas, List.of());
    }
  }

  /** {@return the members of a frozen tree} */
  static List<View> views(TargetTree tree) {
    return tree.members().stream().map(m -> new View(m.thread().id(), m.vpid(), m.vmas())).toList();
  }

  /**
   * Compares the newest round of an images directory with frozen processes.
   *
   * @param shared what they share, read under the freeze too
   * @param features whether the kernel has PAGEMAP_SCAN
   * @param cancelled whether to give up; asked every now and then
   * @throws CancelledException if it was given up
   */
  static VerifyResult compare(
      Path imagesDir,
      List<View> processes,
      SharedObjects shared,
      KernelFeatures features,
      BooleanSupplier cancelled)
      throws IOException {
    try (ImageChain chain = ImageChain.open(imagesDir)) {
      return compare(chain, processes, shared, features, cancelled);
    }
  }

  /**
   * Compares one round of a chain with frozen processes.
   *
   * @param chain up to that round
   * @throws IOException as {@link #compare(Path, List, SharedObjects, KernelFeatures,
   *     BooleanSupplier)}
   */
  static VerifyResult compare(
      ImageChain chain,
      List<View> processes,
      SharedObjects shared,
      KernelFeatures features,
      BooleanSupplier cancelled)
      throws IOException {
    long began = System.nanoTime();
    try (NativeBuffer buffer = NativeBuffer.allocate((long) WINDOW_PAGES << PageTable.PAGE_SHIFT)) {
      MemoryComparison comparison =
          new MemoryComparison(features.pagemapScan().present(), buffer, cancelled);
      for (View process : processes) {
        comparison.compareProcess(chain, process);
      }
      for (SharedObject object : shared.all()) {
        comparison.compareShared(chain, object);
      }
      return new VerifyResult(
          comparison.compared,
          comparison.compared - comparison.different,
          comparison.different,
          comparison.first,
          (System.nanoTime() - began) / 1000);
    }
  }

  private void compareProcess(ImageChain chain, View process) throws IOException {
    PagesName name = PagesName.ofProcess(process.vpid());
    if (!chain.names().contains(name)) {
      throw new IOException("the newest round holds no " + name);
    }
    kernelWritten = process.kernelWritten();
    ResolvedPages held = chain.pages(name);
    RangeSet covered = new RangeSet();
    try (RawPagemap pagemap = RawPagemap.open(process.pid());
        ProcessMemory memory = ProcessMemory.open(process.pid())) {
      for (PolicedVma vma : process.vmas()) {
        if (vma.inProcessPagemap()) {
          covered.add(vma.start(), vma.end());
          compareVma(vma, held, pagemap, memory, process.pid());
        }
      }
    }
    held.forEachRun((address, pageCount, round) -> extra(covered, address, pageCount, round));
  }

  /** Pages held where the process has no mapping of ours. */
  private void extra(RangeSet covered, long address, long pageCount, int round) {
    long end = address + (pageCount << PageTable.PAGE_SHIFT);
    if (covered.contains(address, end)) {
      return;
    }
    for (long at = address; at < end; at += PageTable.PAGE_BYTES) {
      if (!covered.contains(at, at + PageTable.PAGE_BYTES)) {
        compared++;
        differs(at, "unmapped", round, VerifyResult.Kind.EXTRA);
      }
    }
  }

  private void compareVma(
      PolicedVma vma, ResolvedPages held, RawPagemap pagemap, ProcessMemory memory, Pid pid)
      throws IOException {
    List<long[]> ranges =
        vma.end() - vma.start() <= RESERVATION_BYTES
            ? List.<long[]>of(new long[] {vma.start(), vma.end()})
            : populated(vma, held, pagemap, pid);
    for (long[] range : ranges) {
      compareRange(vma, range[0], range[1], held, pagemap, memory);
    }
  }

  /**
   * Where something is in a reservation of many gigabytes, whose raw pagemap alone would take
   * seconds to read: what PAGEMAP_SCAN calls present or swapped, whatever else it is, and what the
   * chain holds, in whole 2 MiB. Without PAGEMAP_SCAN the raw pagemap is read all the same, 0.7 s
   * per TiB, unless smaps counts nothing there.
   */
  private List<long[]> populated(PolicedVma vma, ResolvedPages held, RawPagemap pagemap, Pid pid)
      throws IOException {
    RangeSet populated = new RangeSet();
    held.forEachRun(
        (address, pages, round) -> {
          long end = address + (pages << PageTable.PAGE_SHIFT);
          if (address < vma.end() && end > vma.start()) {
            addWhole(populated, address, end, vma);
          }
        });
    if (scans) {
      addScanned(populated, vma, pid);
    } else if (!countedEmpty(vma, pid)) {
      addRead(populated, vma, pagemap);
    }
    return populated.ranges();
  }

  private static void addScanned(RangeSet populated, PolicedVma vma, Pid pid) throws IOException {
    try (PagemapScanner scanner = PagemapScanner.open(pid)) {
      long any = PageCategories.PRESENT | PageCategories.SWAPPED;
      for (long at = vma.start(); at < vma.end(); ) {
        scanner.scan(at, vma.end(), 0, 0, 0, any, any);
        for (int i = 0; i < scanner.regionCount(); i++) {
          addWhole(populated, scanner.regionStart(i), scanner.regionEnd(i), vma);
        }
        at = scanner.walkEnd();
      }
    }
  }

  private static boolean countedEmpty(PolicedVma vma, Pid pid) throws IOException {
    Smaps.Entry entry = Smaps.read(pid).entry(vma.start());
    return !vma.fileBacked()
        && entry != null
        && entry.vma().equals(vma.vma())
        && entry.rssBytes() + entry.swapBytes() == 0;
  }

  private static void addRead(RangeSet populated, PolicedVma vma, RawPagemap pagemap)
      throws IOException {
    long[] entries = new long[RawPagemap.CAPACITY];
    for (long at = vma.start(); at < vma.end(); ) {
      int read = pagemap.read(at, (vma.end() - at) >>> PageTable.PAGE_SHIFT, entries);
      for (int i = 0; i < read; i++) {
        if (RawPagemap.present(entries[i]) || RawPagemap.swapped(entries[i])) {
          long address = at + ((long) i << PageTable.PAGE_SHIFT);
          addWhole(populated, address, address + PageTable.PAGE_BYTES, vma);
        }
      }
      at += (long) read << PageTable.PAGE_SHIFT;
    }
  }

  private static void addWhole(RangeSet set, long start, long end, PolicedVma vma) {
    long leaf = 1L << PageTable.LEAF_SHIFT;
    set.add(Math.max(vma.start(), start & -leaf), Math.min(vma.end(), (end + leaf - 1) & -leaf));
  }

  private void compareRange(
      PolicedVma vma,
      long start,
      long end,
      ResolvedPages held,
      RawPagemap pagemap,
      ProcessMemory memory)
      throws IOException {
    for (long batch = start; batch < end; ) {
      int pages = (int) Math.min(RawPagemap.CAPACITY, (end - batch) >>> PageTable.PAGE_SHIFT);
      int known = pagemap.read(batch, pages);
      for (int from = 0; from < pages; from += WINDOW_PAGES) {
        int to = Math.min(pages, from + WINDOW_PAGES);
        long[] entries = new long[to - from];
        for (int i = from; i < to && i < known; i++) {
          entries[i - from] = pagemap.entry(i);
        }
        compareWindow(vma, batch + ((long) from << PageTable.PAGE_SHIFT), entries, held, memory);
      }
      batch += (long) pages << PageTable.PAGE_SHIFT;
    }
  }

  private void compareWindow(
      PolicedVma vma, long start, long[] entries, ResolvedPages held, ProcessMemory memory)
      throws IOException {
    goOn();
    int[] rounds = new int[entries.length];
    boolean[] wanted = new boolean[entries.length];
    for (int i = 0; i < entries.length; i++) {
      rounds[i] = held.roundOf(start + ((long) i << PageTable.PAGE_SHIFT));
      boolean own = resident(entries[i]) && !(vma.fileBacked() && RawPagemap.file(entries[i]));
      // a hole is not read: reading would fill it
      wanted[i] = own || (rounds[i] >= 0 && (resident(entries[i]) || vma.fileBacked()));
    }
    boolean[] unreadable = load(start, wanted, memory);
    for (int i = 0; i < entries.length; i++) {
      if (!wanted[i] && rounds[i] < 0) {
        continue;
      }
      long address = start + ((long) i << PageTable.PAGE_SHIFT);
      boolean zeroWhenNotHeld = !vma.fileBacked();
      comparePage(
          address,
          wanted[i] ? i : -1,
          unreadable[i],
          rounds[i],
          zeroWhenNotHeld,
          held,
          vma.vma().toString());
    }
  }

  private static boolean resident(long entry) {
    return RawPagemap.present(entry) || (RawPagemap.swapped(entry) && !RawPagemap.marker(entry));
  }

  /** Reads the wanted pages of a window to their places; returns which could not be read. */
  private boolean[] load(long start, boolean[] wanted, ProcessMemory memory) throws IOException {
    boolean[] unreadable = new boolean[wanted.length];
    for (int i = 0; i < wanted.length; ) {
      if (!wanted[i]) {
        i++;
        continue;
      }
      int end = i;
      while (end < wanted.length && wanted[end]) {
        end++;
      }
      long bytes = (long) (end - i) << PageTable.PAGE_SHIFT;
      long got;
      try {
        got =
            memory.pread(
                memoryBytes.address() + ((long) i << PageTable.PAGE_SHIFT),
                bytes,
                start + ((long) i << PageTable.PAGE_SHIFT));
      } catch (SyscallException e) {
        if (!e.is(Errno.EIO) && !e.is(Errno.EFAULT)) {
          throw e;
        }
        got = 0;
      }
      i += (int) (got >>> PageTable.PAGE_SHIFT);
      if (got < bytes) {
        unreadable[i++] = true;
      }
    }
    return unreadable;
  }

  /**
   * Compares one page.
   *
   * @param place where in the window its memory is, -1 for a hole
   */
  private void comparePage(
      long address,
      int place,
      boolean unreadable,
      int round,
      boolean zeroWhenNotHeld,
      ResolvedPages held,
      String where)
      throws IOException {
    compared++;
    ByteBuffer actual =
        place < 0
            ? ZERO_PAGE.duplicate()
            : memoryWindow.slice(place << PageTable.PAGE_SHIFT, PageTable.PAGE_BYTES);
    ByteBuffer expected = ZERO_PAGE.duplicate();
    if (round >= 0) {
      heldPage.clear();
      held.read(address, heldPage);
      expected = heldPage.flip();
    }
    boolean known = round >= 0 || zeroWhenNotHeld;
    if (unreadable
        || !known
        || (actual.mismatch(expected) >= 0 && !writtenByKernel(address, actual, expected))) {
      differs(
          address,
          where,
          round,
          round < 0
              ? VerifyResult.Kind.LOST
              : place < 0 ? VerifyResult.Kind.EXTRA : VerifyResult.Kind.STALE);
    }
  }

  /** {@return whether the page differs in nothing but what the kernel has written} */
  private boolean writtenByKernel(long address, ByteBuffer actual, ByteBuffer expected) {
    byte[] replaced = new byte[PageTable.PAGE_BYTES];
    expected.get(0, replaced);
    for (AddressRange range : kernelWritten) {
      long from = Math.max(range.start(), address);
      long to = Math.min(range.end(), address + PageTable.PAGE_BYTES);
      if (from < to) {
        int at = (int) (from - address);
        actual.get(at, replaced, at, (int) (to - from));
      }
    }
    return actual.mismatch(ByteBuffer.wrap(replaced)) < 0;
  }

  private void compareShared(ImageChain chain, SharedObject object) throws IOException {
    ResolvedPages held = chain.names().contains(object.name()) ? chain.pages(object.name()) : null;
    String where = object.vma().toString();
    RangeSet data = new RangeSet();
    for (MappedFile.Extent extent : object.extents()) {
      data.add(
          extent.startOffset() & -PageTable.PAGE_BYTES,
          (extent.endOffset() + PageTable.PAGE_BYTES - 1) & -PageTable.PAGE_BYTES);
    }
    RangeSet union = new RangeSet();
    data.ranges().forEach(range -> union.add(range[0], range[1]));
    if (held != null) {
      held.forEachRun(
          (offset, pages, round) -> union.add(offset, offset + (pages << PageTable.PAGE_SHIFT)));
    }
    for (long[] range : union.ranges()) {
      goOn();
      for (long offset = range[0]; offset < range[1]; offset += PageTable.PAGE_BYTES) {
        compareSharedPage(object.file(), offset, data, held, where);
      }
    }
  }

  private void compareSharedPage(
      MappedFile file,
      long offset,
      RangeSet data,
      @org.jspecify.annotations.Nullable ResolvedPages held,
      String where)
      throws IOException {
    boolean exists = data.contains(offset, offset + PageTable.PAGE_BYTES);
    ByteBuffer actual = ZERO_PAGE.duplicate();
    if (exists) {
      file.readPages(memoryBytes.address(), 1, offset);
      actual = memoryWindow.slice(0, PageTable.PAGE_BYTES);
    }
    int round = held == null ? -1 : held.roundOf(offset);
    ByteBuffer expected = ZERO_PAGE.duplicate();
    if (held != null && round >= 0) {
      heldPage.clear();
      held.read(offset, heldPage);
      expected = heldPage.flip();
    }
    compared++;
    if (actual.mismatch(expected) >= 0) {
      VerifyResult.Kind kind = exists ? VerifyResult.Kind.STALE : VerifyResult.Kind.EXTRA;
      differs(offset, where, round, round < 0 ? VerifyResult.Kind.LOST : kind);
    }
  }

  private void goOn() throws CancelledException {
    if (cancelled.getAsBoolean()) {
      throw new CancelledException();
    }
  }

  private void differs(long address, String where, int round, VerifyResult.Kind kind) {
    different++;
    if (first.size() < VerifyResult.MOST_DIFFERENCES) {
      first.add(new Difference(address, where, round, kind));
    }
  }
}
