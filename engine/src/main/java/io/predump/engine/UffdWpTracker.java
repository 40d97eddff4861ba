package io.predump.engine;

import static io.predump.linux.mem.PageCategories.PFNZERO;
import static io.predump.linux.mem.PageCategories.PRESENT;
import static io.predump.linux.mem.PageCategories.SWAPPED;
import static io.predump.linux.mem.PageCategories.WRITTEN;
import static io.predump.linux.mem.PagemapScanner.CHECK_WPASYNC;
import static io.predump.linux.mem.PagemapScanner.WP_MATCHING;

import io.predump.images.VmaPolicy;
import io.predump.linux.AddressRange;
import io.predump.linux.Errno;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.mem.PagemapScanner;
import io.predump.linux.mem.Userfaultfd;
import io.predump.linux.proc.Machine;
import io.predump.linux.proc.MemoryMap;
import io.predump.linux.proc.Vma;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;

/**
 * Tracks private memory with a userfaultfd in asynchronous write-protect mode: the kernel resolves
 * the fault of a first write by itself, and PAGEMAP_SCAN lists the pages whose protection is gone
 * and protects them again, atomically per page. Nobody is stopped.
 *
 * <p>What can go wrong, and what is done about it:
 *
 * <ul>
 *   <li>A mapping that is not registered would be skipped silently, so every protecting scan
 *       insists on registration. EPERM means that the mapping was replaced or moved since maps was
 *       read: what the failed call had already consumed is marked, maps is read again for the
 *       range, and what is still of the same kind is registered and scanned anew; then everything
 *       in it counts as written, because registration starts without protection. What changed its
 *       kind waits, unregistered, for the next round, whose maps will tell.
 *   <li>Another userfaultfd owns the mapping (EBUSY), or the kernel will not have it (EINVAL,
 *       ENOMEM at vm.max_map_count): the mapping is compared instead.
 *   <li>Closing the descriptor would take the mmap lock for as long as it takes to clear every
 *       protected entry, so a living target is unregistered in steps first.
 * </ul>
 */
final class UffdWpTracker implements DirtyTracker {
  private static final int RELEASE_LEAVES = 4;
  private static final long RELEASE_PAUSE_NANOS = 50_000;
  private static final int LOOK_LEAVES = 96;

  /** A process with less room than that for more mappings is let go of without splitting any. */
  private static final int SPARE_MAPPINGS = 256;

  /** So many more pages can be walked in the time of one more call. */
  private static final int PAGES_WORTH_A_CALL = 512;

  private static final long LOOK_SPAN = 256L << 20;

  private final Pid pid;
  private final PageTable table;
  private final Userfaultfd userfaultfd;
  private final PagemapScanner scanner;
  private final PresenceLister lister;
  private final VmaPolicies policies;
  private final boolean reportsHoles;
  private final TestHooks hooks;
  private final ScanPacer pacer = ScanPacer.live();
  private final RangeSet registered = new RangeSet();
  private final RangeSet scanned = new RangeSet();
  private final Set<Vma> refusedOnce = new HashSet<>();
  private final Set<String> warnings = new LinkedHashSet<>();

  /**
   * @param table the process's, borrowed: it says what is populated when letting go
   * @param userfaultfd taken over: closed with the tracker
   * @param scanner borrowed, opened at attach
   * @param reportsHoles whether a dropped page is reported as written, which allows the cheap look
   */
  UffdWpTracker(
      Pid pid,
      PageTable table,
      Userfaultfd userfaultfd,
      PagemapScanner scanner,
      PresenceLister lister,
      VmaPolicies policies,
      boolean reportsHoles,
      TestHooks hooks) {
    this.pid = pid;
    this.table = table;
    this.userfaultfd = userfaultfd;
    this.scanner = scanner;
    this.lister = lister;
    this.policies = policies;
    this.reportsHoles = reportsHoles;
    this.hooks = hooks;
  }

  @Override
  public Set<String> warnings() {
    return warnings;
  }

  @Override
  public String name() {
    return "uffd-wp";
  }

  @Override
  public List<PolicedVma> prepare(List<PolicedVma> vmas) throws IOException {
    List<PolicedVma> prepared = new ArrayList<>(vmas.size());
    for (PolicedVma vma : vmas) {
      boolean ours = vma.policy() == VmaPolicy.TRACK;
      prepared.add(ours && !registered.contains(vma.start(), vma.end()) ? register(vma) : vma);
    }
    return prepared;
  }

  private PolicedVma register(PolicedVma vma) throws IOException {
    hooks.before("UFFDIO_REGISTER");
    try {
      userfaultfd.registerWriteProtect(new AddressRange(vma.start(), vma.end()));
    } catch (SyscallException e) {
      if (e.is(Errno.ESRCH)) {
        throw e;
      }
      return vma.with(VmaPolicy.COMPARE, refusal(vma, e));
    }
    registered.add(vma.start(), vma.end());
    return vma;
  }

  /**
   * Why a mapping is compared instead. EINVAL may only mean that it was unmapped since maps was
   * read, so it is worth a warning if it happens to the same mapping twice.
   */
  private String refusal(PolicedVma vma, SyscallException e) {
    String why =
        e.is(Errno.EBUSY)
            ? "watched by a userfaultfd of its own"
            : "userfaultfd refuses it: " + e.errno();
    if (!e.is(Errno.EINVAL) || !refusedOnce.add(vma.vma())) {
      warnings.add(
          "private memory is compared instead of tracked, at a read of it per round: " + why);
    }
    return why;
  }

  @Override
  public void scanLive(PolicedVma vma, PageTable table, ScanCounts counts) throws IOException {
    boolean known = scanned.contains(vma.start(), vma.end());
    if (known && !hooks.on(Protection.REARM)) {
      return;
    }
    if (known && reportsHoles && !vma.fileBacked()) {
      for (long[] busy : look(vma, table, counts)) {
        protect(vma, busy[0], busy[1], table, counts);
      }
      return;
    }
    protect(vma, vma.start(), vma.end(), table, counts);
    scanned.add(vma.start(), vma.end());
  }

  /**
   * The cheap look at memory already known: asks only for written pages and protects nothing, so a
   * clean mapping costs next to nothing. It insists on registration: what is reported for the holes
   * of an unregistered mapping differs between kernels.
   *
   * @return the 2 MiB-aligned stretches in which pages were written, holes already noted; all of
   *     the mapping if part of it is not registered
   */
  private List<long[]> look(PolicedVma vma, PageTable table, ScanCounts counts)
      throws SyscallException {
    RangeSet busy = new RangeSet();
    long leaf = 1L << PageTable.LEAF_SHIFT;
    long at = vma.start();
    while (at < vma.end()) {
      long end = table.afterLeaves(at, Math.min(vma.end(), at + LOOK_SPAN), LOOK_LEAVES);
      long begun = System.nanoTime();
      try {
        at =
            listWritten(
                at,
                end,
                counts,
                (from, to, categories) -> {
                  if (vacant(categories)) {
                    table.vacate(from, to, vma.vacantState());
                  } else {
                    busy.add(
                        Math.max(vma.start(), from & -leaf),
                        Math.min(vma.end(), (to + leaf - 1) & -leaf));
                  }
                });
      } catch (SyscallException e) {
        if (!e.is(Errno.EPERM)) {
          throw e;
        }
        return List.<long[]>of(new long[] {vma.start(), vma.end()});
      }
      pacer.looked(System.nanoTime() - begun);
    }
    return busy.ranges();
  }

  /** Receives a run of pages of the same categories. */
  private interface RunVisitor {
    void run(long from, long to, long categories);
  }

  /**
   * Lists written pages, holes among them, with their categories. The kernel has a path three times
   * as fast for a scan that wants WRITTEN and nothing else back, so what else there is to know is
   * asked of the written pages alone, unless they are many.
   *
   * @return where to go on
   */
  private long listWritten(long start, long end, ScanCounts counts, RunVisitor visitor)
      throws SyscallException {
    counts.calls++;
    scanner.scan(start, end, CHECK_WPASYNC, 0, WRITTEN, 0, WRITTEN);
    long walked = Math.min(scanner.walkEnd(), end);
    int count = scanner.regionCount();
    if (count == 0) {
      return walked;
    }
    if (count > ((walked - start) >>> PageTable.PAGE_SHIFT) / PAGES_WORTH_A_CALL) {
      return visitWritten(start, walked, counts, visitor);
    }
    long[] borders = new long[2 * count];
    for (int i = 0; i < count; i++) {
      borders[2 * i] = scanner.regionStart(i);
      borders[2 * i + 1] = scanner.regionEnd(i);
    }
    for (int i = 0; i < borders.length; i += 2) {
      for (long at = borders[i]; at < borders[i + 1]; ) {
        at = visitWritten(at, borders[i + 1], counts, visitor);
      }
    }
    return walked;
  }

  private long visitWritten(long start, long end, ScanCounts counts, RunVisitor visitor)
      throws SyscallException {
    counts.calls++;
    scanner.scan(start, end, CHECK_WPASYNC, 0, WRITTEN, 0, returned());
    for (int i = 0; i < scanner.regionCount(); i++) {
      visitor.run(scanner.regionStart(i), scanner.regionEnd(i), scanner.regionCategories(i));
    }
    return Math.min(scanner.walkEnd(), end);
  }

  private long returned() {
    return WRITTEN | PRESENT | SWAPPED | PFNZERO | lister.guard();
  }

  /** {@return whether nothing of the process's is there: a hole, or a guard page} */
  private boolean vacant(long categories) {
    return (categories & (PRESENT | SWAPPED)) == 0 || (categories & lister.guard()) != 0;
  }

  /** Lists and protects part of a mapping. */
  private void protect(PolicedVma vma, long start, long end, PageTable table, ScanCounts counts)
      throws IOException {
    long at = start;
    while (at < end) {
      long chunkEnd = Math.min(end, at + pacer.spanBytes(vma, table, at));
      hooks.before("PAGEMAP_SCAN, protecting");
      long begun = System.nanoTime();
      try {
        at = lister.list(vma, at, chunkEnd, WP_MATCHING | CHECK_WPASYNC, false, table, counts);
      } catch (SyscallException e) {
        if (!e.is(Errno.EPERM)) {
          throw e;
        }
        rescue(vma, at, chunkEnd, table, counts);
        at = chunkEnd;
      }
      long nanos = System.nanoTime() - begun;
      counts.armNanos += nanos;
      pacer.walked(nanos);
    }
  }

  /**
   * Part of a mapping turned out to be not registered: it was replaced, moved or cut since maps was
   * read. Each mapping that is there now is taken by itself: one of the same kind is registered and
   * listed, or listed unprotected; one of another kind is left to the next round, unregistered, so
   * that everything in it will count as written; between them nothing is left.
   */
  private void rescue(PolicedVma vma, long start, long end, PageTable table, ScanCounts counts)
      throws IOException {
    registered.remove(start, end);
    long covered = start;
    for (Vma now : MemoryMap.read(pid).vmas()) {
      if (now.end() <= start || now.start() >= end) {
        continue;
      }
      long from = Math.max(start, now.start());
      long to = Math.min(end, now.end());
      if (from > covered) {
        table.vacate(covered, from, vma.vacantState());
      }
      PolicedVma judged = policies.judge(now);
      if (judged.inProcessPagemap() && judged.fileBacked() == vma.fileBacked()) {
        listAnew(judged, from, to, table, counts);
      } else {
        unregister(from, to);
        table.vacate(from, to, vma.vacantState());
      }
      covered = to;
    }
    if (covered < end) {
      table.vacate(covered, end, vma.vacantState());
    }
  }

  /** Registers and protects if that works, else lists everything there as owed. */
  private void listAnew(PolicedVma vma, long start, long end, PageTable table, ScanCounts counts)
      throws IOException {
    boolean ours = vma.policy() == VmaPolicy.TRACK && register(vma).policy() == VmaPolicy.TRACK;
    long flags = ours ? WP_MATCHING | CHECK_WPASYNC : 0;
    long at = start;
    while (at < end) {
      try {
        at = lister.list(vma, at, end, flags, !ours, table, counts);
      } catch (SyscallException e) {
        if (!ours || !e.is(Errno.EPERM)) {
          throw e;
        }
        // Replaced once more: not protected, so the next round lists all of it again.
        registered.remove(start, end);
        ours = false;
        flags = 0;
      }
    }
  }

  private void unregister(long start, long end) throws SyscallException {
    try {
      userfaultfd.unregister(new AddressRange(start, end));
    } catch (SyscallException e) {
      if (e.is(Errno.ESRCH)) {
        throw e;
      }
      // Nothing of ours was there.
    }
  }

  @Override
  public void scanFrozen(PolicedVma vma, PageTable table, ScanCounts counts) throws IOException {
    if (!hooks.on(Protection.REARM) && scanned.contains(vma.start(), vma.end())) {
      return;
    }
    try {
      long at = vma.start();
      boolean known = scanned.contains(vma.start(), vma.end());
      if (reportsHoles && known && !vma.fileBacked()) {
        lookFrozen(vma, table, counts);
        return;
      }
      while (at < vma.end()) {
        at = lister.list(vma, at, vma.end(), CHECK_WPASYNC, !known, table, counts);
      }
    } catch (SyscallException e) {
      if (!e.is(Errno.EPERM)) {
        throw e;
      }
      lister.listAll(vma, ScanPacer.frozen(), table, counts);
    }
  }

  /** Asks only for written pages; insists on registration, for without it nothing is known. */
  private void lookFrozen(PolicedVma vma, PageTable table, ScanCounts counts)
      throws SyscallException {
    for (long at = vma.start(); at < vma.end(); ) {
      at =
          listWritten(
              at,
              vma.end(),
              counts,
              (from, to, categories) -> {
                if (vacant(categories)) {
                  table.vacate(from, to, vma.vacantState());
                  return;
                }
                boolean zeroPage = (categories & PFNZERO) != 0;
                long pages = (to - from) >>> PageTable.PAGE_SHIFT;
                counts.scanned += pages;
                counts.written += zeroPage ? 0 : pages;
                table.list(from, to, true, zeroPage);
              });
    }
  }

  /** Lets go of a living target without stalling it. */
  @Override
  public void close() {
    try {
      if (scanner.sameAddressSpace() && mappingsToSpare()) {
        for (long[] range : registered.ranges()) {
          release(range[0], range[1], table);
        }
      }
    } catch (SyscallException e) {
      // Closing the descriptor ends the tracking all the same, only less gently.
    } finally {
      hooks.before("close of the userfaultfd");
      userfaultfd.close();
    }
  }

  /**
   * Unregistering part of a mapping splits it until the rest has followed. A process that has all
   * mappings it may have could map nothing meanwhile.
   */
  private boolean mappingsToSpare() throws SyscallException {
    return !hooks.on(Protection.MAPPINGS_TO_SPARE)
        || MemoryMap.read(pid).vmas().size() + SPARE_MAPPINGS < Machine.maxMapCount();
  }

  /** Steps of so much populated memory, with whatever is empty between: that costs nothing. */
  private void release(long start, long end, PageTable table) throws SyscallException {
    for (long at = start; at < end; ) {
      long step = table.afterLeaves(at, end, RELEASE_LEAVES);
      hooks.before("UFFDIO_UNREGISTER");
      unregister(at, step);
      LockSupport.parkNanos(RELEASE_PAUSE_NANOS);
      at = step;
    }
  }
}
