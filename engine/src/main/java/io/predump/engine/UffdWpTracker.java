package io.predump.engine;

import static io.predump.linux.mem.PagemapScanner.CHECK_WPASYNC;
import static io.predump.linux.mem.PagemapScanner.WP_MATCHING;

import io.predump.images.VmaPolicy;
import io.predump.linux.AddressRange;
import io.predump.linux.Errno;
import io.predump.linux.SyscallException;
import io.predump.linux.mem.PagemapScanner;
import io.predump.linux.mem.Userfaultfd;
import io.predump.linux.proc.Machine;
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

  /** A process with less room than that for more mappings is let go of without splitting any. */
  private static final int SPARE_MAPPINGS = 256;

  private final LiveThread thread;
  private final PageTable table;
  private final Userfaultfd userfaultfd;
  private final PagemapScanner scanner;
  private final PresenceLister lister;
  private final VmaPolicies policies;
  private final WrittenLister written;
  private final boolean reportsHoles;
  private final long check;
  private final TestHooks hooks;
  private final ScanPacer pacer;
  private final RangeSet registered = new RangeSet();
  private final RangeSet scanned = new RangeSet();
  private final Set<Vma> refusedOnce = new HashSet<>();
  private final Set<String> warnings = new LinkedHashSet<>();

  /**
   * @param table the process's, borrowed: it says what is populated when letting go
   * @param userfaultfd taken over: closed with the tracker
   * @param scanner borrowed, opened at attach
   * @param limits of the processor time that live scans take
   * @param reportsHoles whether a dropped page is reported as written, which allows the cheap look
   */
  UffdWpTracker(
      LiveThread thread,
      PageTable table,
      Userfaultfd userfaultfd,
      PagemapScanner scanner,
      PresenceLister lister,
      VmaPolicies policies,
      CopyLimits limits,
      boolean reportsHoles,
      TestHooks hooks) {
    this.thread = thread;
    this.table = table;
    this.userfaultfd = userfaultfd;
    this.scanner = scanner;
    this.lister = lister;
    this.policies = policies;
    this.reportsHoles = reportsHoles;
    this.hooks = hooks;
    this.pacer = ScanPacer.live(limits, hooks);
    this.check = hooks.on(Protection.REGISTRATION_CHECK) ? CHECK_WPASYNC : 0;
    this.written = new WrittenLister(thread, scanner, lister, check, hooks);
  }

  @Override
  public Set<String> warnings() {
    return warnings;
  }

  @Override
  public String name() {
    return TrackerChoice.UFFD_WP.label();
  }

  @Override
  public List<PolicedVma> prepare(List<PolicedVma> vmas) throws IOException {
    forgetOthers(vmas);
    List<PolicedVma> prepared = new ArrayList<>(vmas.size());
    for (PolicedVma vma : vmas) {
      boolean ours = vma.policy() == VmaPolicy.TRACK;
      prepared.add(ours && !registered.contains(vma.start(), vma.end()) ? register(vma) : vma);
    }
    return prepared;
  }

  /**
   * What is not ours to track any more: unmapped, made smaller, made read-only. Protection left on
   * a file mapping could hang whoever makes guard pages there.
   */
  private void forgetOthers(List<PolicedVma> vmas) throws SyscallException {
    RangeSet others = new RangeSet();
    registered.ranges().forEach(range -> others.add(range[0], range[1]));
    for (PolicedVma vma : vmas) {
      if (vma.policy() == VmaPolicy.TRACK) {
        others.remove(vma.start(), vma.end());
      }
    }
    for (long[] other : others.ranges()) {
      registered.remove(other[0], other[1]);
      for (PolicedVma vma : vmas) {
        long start = Math.max(other[0], vma.start());
        long end = Math.min(other[1], vma.end());
        if (start < end && vma.fileBacked() && !vma.vma().shared()) {
          unregister(start, end);
        }
      }
    }
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
    if (known && cheap(vma)) {
      for (long[] busy : written.look(vma, pacer, table, counts)) {
        protect(vma, busy[0], busy[1], table, counts);
      }
      return;
    }
    protect(vma, vma.start(), vma.end(), table, counts);
    scanned.add(vma.start(), vma.end());
    removeMarkers();
  }

  /**
   * A dropped page of a file mapping leaves a marker, and over a marker MADV_GUARD_INSTALL tries
   * for ever (Linux 6.15): without them it ends.
   */
  private void removeMarkers() throws SyscallException {
    for (long[] markers : lister.takeFileMarkers()) {
      try {
        userfaultfd.removeProtection(new AddressRange(markers[0], markers[1]));
      } catch (SyscallException e) {
        if (e.is(Errno.ESRCH)) {
          throw e;
        }
        // Replaced meanwhile: the next round's maps will tell.
      }
    }
  }

  /** {@return whether the written bit alone tells what became of known memory of this kind} */
  private boolean cheap(PolicedVma vma) {
    return reportsHoles && !vma.fileBacked() && !vma.hugetlb();
  }

  /** Lists and protects part of a mapping. */
  private void protect(PolicedVma vma, long start, long end, PageTable table, ScanCounts counts)
      throws IOException {
    long at = start;
    while (at < end) {
      long chunkEnd = Math.min(end, at + pacer.spanBytes(vma, table, at));
      hooks.before("PAGEMAP_SCAN, protecting");
      long writtenBefore = counts.written;
      long begun = System.nanoTime();
      try {
        at = lister.list(vma, at, chunkEnd, WP_MATCHING | check, false, table, counts);
      } catch (SyscallException e) {
        if (!e.is(Errno.EPERM)) {
          throw e;
        }
        rescue(vma, at, chunkEnd, table, counts);
        at = chunkEnd;
      }
      long nanos = System.nanoTime() - begun;
      counts.armNanos += nanos;
      long armed = (counts.written - writtenBefore) * PageTable.PAGE_BYTES / vma.pageBytes();
      pacer.walked(nanos, vma.vma().writable() ? armed : 0);
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
    for (Vma now : thread.maps().vmas()) {
      if (now.end() <= start || now.start() >= end) {
        continue;
      }
      long from = Math.max(start, now.start());
      long to = Math.min(end, now.end());
      if (from > covered) {
        lister.vacate(vma, covered, from, table);
      }
      PolicedVma judged = policies.judge(now);
      if (judged.inProcessPagemap() && judged.fileBacked() == vma.fileBacked()) {
        listAnew(judged, from, to, table, counts);
      } else {
        unregister(from, to);
        lister.vacate(vma, from, to, table);
      }
      covered = to;
    }
    if (covered < end) {
      lister.vacate(vma, covered, end, table);
    }
  }

  /** Registers and protects if that works, else lists everything there as owed. */
  private void listAnew(PolicedVma vma, long start, long end, PageTable table, ScanCounts counts)
      throws IOException {
    boolean ours = vma.policy() == VmaPolicy.TRACK && register(vma).policy() == VmaPolicy.TRACK;
    long flags = ours ? WP_MATCHING | check : 0;
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
      if (known && cheap(vma)) {
        written.listFrozen(vma, table, counts);
        return;
      }
      while (at < vma.end()) {
        at = lister.list(vma, at, vma.end(), check, !known, table, counts);
      }
    } catch (SyscallException e) {
      if (!e.is(Errno.EPERM)) {
        throw e;
      }
      lister.listAll(vma, ScanPacer.frozen(), table, counts);
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
      written.close();
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
        || thread.maps().vmas().size() + SPARE_MAPPINGS < Machine.maxMapCount();
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
