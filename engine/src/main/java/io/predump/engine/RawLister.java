package io.predump.engine;

import io.predump.linux.SyscallException;
import io.predump.linux.mem.RawPagemap;
import java.io.IOException;

/**
 * Lists by the raw pagemap, an entry per page: for kernels without PAGEMAP_SCAN, and for soft-dirty
 * tracking, which needs to know where pages lie. The rules are {@link PresenceLister}'s. Unlike a
 * scan it pays for holes, so large mappings are narrowed down to their {@link PopulatedParts}.
 */
final class RawLister implements PageLister {
  private static final byte VACANT = 0;
  private static final byte ZERO = 1;
  private static final byte KNOWN = 2;
  private static final byte OWED = 3;

  private final RawPagemap pagemap;
  private final PopulatedParts parts;
  private final long zeroPlace;
  private final long[] entries = new long[RawPagemap.CAPACITY];

  private RawLister(RawPagemap pagemap, PopulatedParts parts, long zeroPlace) {
    this.pagemap = pagemap;
    this.parts = parts;
    this.zeroPlace = zeroPlace;
  }

  /**
   * Opens the pagemap of a process.
   *
   * @param scans whether the kernel has PAGEMAP_SCAN, by which large mappings are searched then
   */
  static RawLister open(LiveThread thread, boolean scans, TestHooks hooks) throws SyscallException {
    long zeroPlace = hooks.on(Protection.ZERO_PLACE) ? RawPagemap.zeroPlace() : 0;
    RawPagemap pagemap = thread.ask(RawPagemap::open, RawPagemap::close);
    try {
      PopulatedParts parts =
          scans ? ScannedParts.open(thread) : new CountedParts(thread, pagemap, zeroPlace, hooks);
      return new RawLister(pagemap, parts, zeroPlace);
    } catch (SyscallException e) {
      pagemap.close();
      throw e;
    }
  }

  /** Says of a page in memory or in swap whether it must be read. */
  interface Judge {
    boolean owed(long address, long entry);
  }

  @Override
  public void beginScan() {
    parts.beginScan();
  }

  @Override
  public void listAll(PolicedVma vma, ScanPacer pacer, PageTable table, ScanCounts counts)
      throws IOException {
    long before = counts.scanned;
    list(vma, pacer, (address, entry) -> true, table, counts);
    counts.compared += counts.scanned - before;
  }

  /**
   * Lists all of a mapping; pages are owed if the judge says so, or if their content is unknown.
   */
  void list(PolicedVma vma, ScanPacer pacer, Judge judge, PageTable table, ScanCounts counts)
      throws IOException {
    long at = vma.start();
    for (long[] part : parts.of(vma, pacer, table)) {
      table.vacate(at, part[0], vma.vacantState());
      at = part[0];
      while (at < part[1]) {
        long span = Math.min(part[1] - at, pacer.spanBytes(vma, table, at));
        long begun = System.nanoTime();
        at = listSome(vma, at, at + span, judge, table, counts);
        pacer.walked(System.nanoTime() - begun);
      }
    }
    table.vacate(at, vma.end(), vma.vacantState());
  }

  /** One read; returns where to go on. */
  private long listSome(
      PolicedVma vma, long start, long end, Judge judge, PageTable table, ScanCounts counts)
      throws IOException {
    int read = pagemap.read(start, (end - start) >>> PageTable.PAGE_SHIFT, entries);
    counts.calls++;
    int runStart = 0;
    byte runKind = kind(vma, start, entries[0], judge);
    for (int i = 1; i <= read; i++) {
      byte kind =
          i == read
              ? (byte) -1
              : kind(vma, start + ((long) i << PageTable.PAGE_SHIFT), entries[i], judge);
      if (kind != runKind) {
        long from = start + ((long) runStart << PageTable.PAGE_SHIFT);
        mark(vma, from, start + ((long) i << PageTable.PAGE_SHIFT), runKind, table, counts);
        runStart = i;
        runKind = kind;
      }
    }
    return start + ((long) read << PageTable.PAGE_SHIFT);
  }

  private byte kind(PolicedVma vma, long address, long entry, Judge judge) {
    boolean present = RawPagemap.present(entry);
    if (!present && (!RawPagemap.swapped(entry) || RawPagemap.marker(entry))) {
      return VACANT;
    }
    if (RawPagemap.guard(entry) || (vma.fileBacked() && present && RawPagemap.file(entry))) {
      return VACANT;
    }
    boolean owed = judge.owed(address, entry);
    if (present && !vma.fileBacked() && zeroPlace != 0 && RawPagemap.place(entry) == zeroPlace) {
      return ZERO;
    }
    return owed ? OWED : KNOWN;
  }

  private static void mark(
      PolicedVma vma, long from, long to, byte kind, PageTable table, ScanCounts counts) {
    if (kind == VACANT) {
      table.vacate(from, to, vma.vacantState());
      return;
    }
    counts.scanned += (to - from) >>> PageTable.PAGE_SHIFT;
    table.list(from, to, kind == OWED, kind == ZERO);
  }

  @Override
  public boolean sameAddressSpace() throws SyscallException {
    return pagemap.sameAddressSpace();
  }

  @Override
  public void close() {
    pagemap.close();
    parts.close();
  }
}
