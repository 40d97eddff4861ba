package io.predump.engine;

import io.predump.linux.AddressRange;
import io.predump.linux.mem.RawPagemap;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The proof that a checkpoint lacks no page: whatever the raw pagemap of a frozen process calls
 * resident, in a mapping whose pages are left to the engine, is held by the chain or about to be.
 * The raw pagemap knows nothing of the tracker, its masks and its marks. It is asked for the pages
 * that the chain lacks alone, for of the others nothing is to be proved: a page that is held costs
 * a look into the page table, not the kernel's 40 ns.
 */
final class Residency {
  private Residency() {}

  /**
   * Requires every resident page of every process, frozen, to be held.
   *
   * @param mappings what must be held, by pid in the images
   * @throws IOException naming process, mapping and first page that is not
   */
  static void require(TargetTree tree, Map<Integer, List<AddressRange>> mappings)
      throws IOException {
    Map<Integer, List<AddressRange>> missing = new TreeMap<>(mappings);
    for (AttachedProcess member : tree.members()) {
      List<AddressRange> ranges = missing.remove(member.vpid());
      if (ranges == null) {
        throw new IOException(
            named(member) + " was frozen, but the checkpoint has no mappings of it");
      }
      requireMapped(member, ranges);
      boolean scans = tree.features().pagemapScan().present();
      try (RawPagemap pagemap = member.thread().ask(RawPagemap::open, RawPagemap::close)) {
        if (scans) {
          try (ScannedParts parts = ScannedParts.open(member.thread())) {
            requireHeld(member, ranges, parts::of, pagemap);
          }
        } else {
          requireHeld(member, ranges, (vma, pacer, known) -> PopulatedParts.whole(vma), pagemap);
        }
      }
    }
    if (!missing.isEmpty()) {
      throw new IOException(
          "the checkpoint holds processes that the rounds do not: pids in the images "
              + missing.keySet());
    }
  }

  /** Does what {@link #require} will do, with what is mapped now; whatever it finds is dropped. */
  static void rehearse(TargetTree tree) {
    Map<Integer, List<AddressRange>> mappings = new TreeMap<>();
    for (AttachedProcess member : tree.members()) {
      mappings.put(
          member.vpid(),
          member.vmas().stream()
              .filter(PolicedVma::inProcessPagemap)
              .map(vma -> new AddressRange(vma.start(), vma.end()))
              .toList());
    }
    try {
      require(tree, mappings);
    } catch (IOException e) {
      // Live memory changes while it is looked at.
    }
  }

  /** A mapping the engine leaves out, or does not know, cannot be restored from the chain. */
  private static void requireMapped(AttachedProcess member, List<AddressRange> ranges)
      throws IOException {
    RangeSet captured = new RangeSet();
    for (PolicedVma vma : member.vmas()) {
      if (vma.inProcessPagemap()) {
        captured.add(vma.start(), vma.end());
      }
    }
    for (AddressRange range : ranges) {
      if (!captured.contains(range.start(), range.end())) {
        throw new IOException(
            named(member)
                + ": the pages of the mapping "
                + range
                + " are in no pagemap: "
                + why(member, range));
      }
    }
  }

  private static String why(AttachedProcess member, AddressRange range) {
    List<String> reasons = new ArrayList<>();
    for (PolicedVma vma : member.vmas()) {
      if (!vma.inProcessPagemap() && vma.start() < range.end() && vma.end() > range.start()) {
        reasons.add(vma.reason());
      }
    }
    return reasons.isEmpty() ? "it is not mapped" : String.join("; ", reasons);
  }

  /** How the populated parts of a mapping are found. */
  private interface Parts {
    List<long[]> of(PolicedVma vma, ScanPacer pacer, PageTable known) throws IOException;
  }

  private static void requireHeld(
      AttachedProcess member, List<AddressRange> ranges, Parts parts, RawPagemap pagemap)
      throws IOException {
    PageTable table = member.table();
    int first = 0;
    for (PolicedVma vma : member.vmas()) {
      while (first < ranges.size() && ranges.get(first).end() <= vma.start()) {
        first++;
      }
      if (first < ranges.size() && ranges.get(first).start() < vma.end()) {
        for (long[] part : parts.of(vma, ScanPacer.frozen(), table)) {
          requireHeld(member, vma, part, ranges.subList(first, ranges.size()), pagemap);
        }
      }
    }
  }

  private static void requireHeld(
      AttachedProcess member,
      PolicedVma vma,
      long[] part,
      List<AddressRange> ranges,
      RawPagemap pagemap)
      throws IOException {
    for (AddressRange range : ranges) {
      if (range.start() >= part[1]) {
        return;
      }
      long start = Math.max(part[0], range.start());
      long end = Math.min(part[1], range.end());
      if (start < end) {
        requireHeld(member, vma, start, end, pagemap);
      }
    }
  }

  private static void requireHeld(
      AttachedProcess member, PolicedVma vma, long start, long end, RawPagemap pagemap)
      throws IOException {
    long[] entries = new long[RawPagemap.CAPACITY];
    PageTable.States states = member.table().states();
    for (long at = states.firstLacking(start, end); at < end; at = states.firstLacking(at, end)) {
      long lacking = states.firstHeld(at, end) - at;
      int read = pagemap.read(at, lacking >>> PageTable.PAGE_SHIFT, entries);
      for (int i = 0; i < read; i++) {
        long address = at + ((long) i << PageTable.PAGE_SHIFT);
        if (hiddenGuard(entries[i], member)) {
          throw new IOException(
              String.format(
                  "%s: page 0x%x of %s %s may be a guard page, and this kernel tells nobody: Linux"
                      + " 6.15 is needed for a checkpoint of it",
                  named(member), address, vma.vma().range(), vma.vma().name()));
        }
        if (resident(entries[i], vma)) {
          throw new IOException(
              String.format(
                  "%s: page 0x%x of %s %s is resident, but no round holds it",
                  named(member), address, vma.vma().range(), vma.vma().name()));
        }
      }
      at += (long) read << PageTable.PAGE_SHIFT;
    }
  }

  /**
   * Linux 6.13 and 6.14 have guard pages, but no way to list them: CRIU would leave them out, and
   * plain memory would come back. They are markers as write protection leaves them, without its
   * bit.
   */
  private static boolean hiddenGuard(long entry, AttachedProcess member) {
    return !member.listsGuardPages() && RawPagemap.marker(entry) && !RawPagemap.uffdWp(entry);
  }

  /** A clean page of a private file mapping is the file's. */
  private static boolean resident(long entry, PolicedVma vma) {
    if (RawPagemap.marker(entry) || RawPagemap.guard(entry)) {
      return false;
    }
    boolean there = RawPagemap.present(entry) || RawPagemap.swapped(entry);
    return there && !(vma.fileBacked() && !vma.hugetlb() && RawPagemap.file(entry));
  }

  private static String named(AttachedProcess member) {
    return "pid=" + member.pid().number() + " (" + member.identity().name() + ")";
  }
}
