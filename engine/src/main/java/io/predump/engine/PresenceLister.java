package io.predump.engine;

import static io.predump.linux.mem.PageCategories.FILE;
import static io.predump.linux.mem.PageCategories.GUARD;
import static io.predump.linux.mem.PageCategories.HUGE;
import static io.predump.linux.mem.PageCategories.PFNZERO;
import static io.predump.linux.mem.PageCategories.PRESENT;
import static io.predump.linux.mem.PageCategories.SWAPPED;
import static io.predump.linux.mem.PageCategories.WRITTEN;

import io.predump.images.VmaPolicy;
import io.predump.linux.SyscallException;
import io.predump.linux.mem.PagemapScanner;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/**
 * Lists by PAGEMAP_SCAN. The scan behind every policy, "policy A": list what is in memory or in
 * swap and is the process's own, and derive the rest from what is not listed. Presence, never the
 * written bit, tells what was dropped: kernels differ in what they report for a hole.
 *
 * <ul>
 *   <li>the shared zero page is zero, whatever its written bit says;
 *   <li>a listed page is owed if it was written, or if the table does not know its content;
 *   <li>in a file mapping a page in swap counts as written: it may be the marker that a dropped
 *       page leaves behind;
 *   <li>what is not listed is a hole, or the file's content.
 * </ul>
 */
final class PresenceLister implements PageLister {
  private static final long RETURNED = WRITTEN | PRESENT | SWAPPED | PFNZERO;

  /** Longer than it takes to move a huge page. */
  private static final long MOVING_NANOS = 2_000_000;

  private final PagemapScanner scanner;
  private final long guard;
  private final boolean notesHuge;
  private final RangeSet huge = new RangeSet();
  private final RangeSet fileMarkers = new RangeSet();
  private final TestHooks hooks;

  /**
   * @param scanner taken over: closed with the lister
   * @param knowsGuard whether the kernel knows guard pages (Linux 6.15); without, they cannot exist
   * @param notesHuge whether somebody will ask for the transparent huge pages met
   */
  PresenceLister(PagemapScanner scanner, boolean knowsGuard, boolean notesHuge, TestHooks hooks) {
    this.scanner = scanner;
    this.guard = knowsGuard ? GUARD : 0;
    this.notesHuge = notesHuge;
    this.hooks = hooks;
  }

  /** {@return what it scans with; borrowed} */
  PagemapScanner scanner() {
    return scanner;
  }

  /**
   * {@return pages of file mappings that looked swapped, and may be markers, since this was last
   * asked}
   */
  List<long[]> takeFileMarkers() {
    List<long[]> taken = fileMarkers.ranges();
    fileMarkers.clear();
    return taken;
  }

  /** {@return where transparent huge pages were met, if that is noted} */
  RangeSet hugePagesMet() {
    return huge;
  }

  /** {@return the guard category if the kernel knows it, else 0} */
  long guard() {
    return guard;
  }

  /**
   * One call of the scanner over part of one mapping.
   *
   * @param flags the scanner's: protect or not, insist on registration or not
   * @param trustNothing whether every listed page is owed, written or not
   * @return where to go on
   * @throws SyscallException after whatever was listed before the error is marked; nothing is
   *     concluded from what was not
   */
  long list(
      PolicedVma vma,
      long start,
      long end,
      long flags,
      boolean trustNothing,
      PageTable table,
      ScanCounts counts)
      throws SyscallException {
    long excluded = vma.fileBacked() ? guard | FILE : guard;
    counts.calls++;
    long returned = notesHuge ? RETURNED | HUGE : RETURNED;
    try {
      scanner.scan(start, end, flags, excluded, excluded, PRESENT | SWAPPED, returned);
    } catch (SyscallException e) {
      for (int i = 0; hooks.on(Protection.HARVEST) && i < scanner.regionCount(); i++) {
        table.list(scanner.regionStart(i), scanner.regionEnd(i), true, false);
      }
      throw e;
    }
    long at = start;
    List<long[]> markers = new ArrayList<>();
    for (int i = 0; i < scanner.regionCount(); i++) {
      long from = scanner.regionStart(i);
      long to = scanner.regionEnd(i);
      long categories = scanner.regionCategories(i);
      if (from > at) {
        vacate(vma, at, from, table);
      }
      if (vma.hugetlb() && (categories & PRESENT) == 0 && hooks.on(Protection.HUGETLB_MARKERS)) {
        markers.add(new long[] {from, to});
      } else {
        mark(vma, from, to, categories, trustNothing, table, counts);
      }
      at = to;
    }
    long walked = Math.min(scanner.walkEnd(), end);
    if (walked > at) {
      vacate(vma, at, walked, table);
    }
    for (long[] marker : markers) {
      settleMarker(vma, marker[0], marker[1], table, counts);
    }
    return walked;
  }

  /** Nothing of the process's own is there. */
  void vacate(PolicedVma vma, long start, long end, PageTable table) {
    if (hooks.on(Protection.PRESENCE)) {
      table.vacate(start, end, vma.vacantState());
    }
  }

  /**
   * Huge pages of hugetlbfs are never swapped: what looks so is the marker that a dropped page
   * leaves, which must not be read, for that allocates a page; or a page that moves just now, which
   * is there again in a moment.
   */
  private void settleMarker(
      PolicedVma vma, long start, long end, PageTable table, ScanCounts counts)
      throws SyscallException {
    LockSupport.parkNanos(MOVING_NANOS);
    vacate(vma, start, end, table);
    counts.calls++;
    scanner.scan(start, end, 0, 0, PRESENT, 0, PRESENT);
    for (int i = 0; i < scanner.regionCount(); i++) {
      long from = scanner.regionStart(i);
      long to = scanner.regionEnd(i);
      mark(vma, from, to, PRESENT | WRITTEN, false, table, counts);
    }
  }

  private void mark(
      PolicedVma vma,
      long from,
      long to,
      long categories,
      boolean trustNothing,
      PageTable table,
      ScanCounts counts) {
    boolean zeroPage = (categories & PFNZERO) != 0 && !vma.fileBacked();
    boolean written =
        trustNothing
            || (categories & WRITTEN) != 0
            || (vma.fileBacked()
                && (categories & SWAPPED) != 0
                && hooks.on(Protection.FILE_MARKERS));
    if (vma.fileBacked() && vma.policy() == VmaPolicy.TRACK && (categories & PRESENT) == 0) {
      fileMarkers.add(from, to);
    }
    if (notesHuge && (categories & HUGE) != 0 && !vma.hugetlb()) {
      huge.add(from, to);
    }
    long pages = (to - from) >>> PageTable.PAGE_SHIFT;
    counts.scanned += pages;
    if (trustNothing) {
      counts.compared += pages;
    } else if (written && !zeroPage) {
      counts.written += pages;
    }
    table.list(from, to, written, zeroPage);
  }

  @Override
  public boolean sameAddressSpace() throws SyscallException {
    return scanner.sameAddressSpace();
  }

  @Override
  public void close() {
    scanner.close();
  }

  @Override
  public void listAll(PolicedVma vma, ScanPacer pacer, PageTable table, ScanCounts counts)
      throws SyscallException {
    long at = vma.start();
    while (at < vma.end()) {
      long end = Math.min(vma.end(), at + pacer.spanBytes(vma, table, at));
      long begun = System.nanoTime();
      long walked = list(vma, at, end, 0, true, table, counts);
      pacer.walked(System.nanoTime() - begun);
      at = walked;
    }
  }
}
