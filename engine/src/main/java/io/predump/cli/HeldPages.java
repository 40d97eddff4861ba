package io.predump.cli;

import io.predump.images.ImageChain;
import io.predump.images.MmImage;
import io.predump.images.PagesName;
import io.predump.images.ProcessIdentity;
import io.predump.images.VmaImage;
import io.predump.images.VmaRecord;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;

/** What the newest round of a chain holds of each VMA. */
final class HeldPages {
  private static final int PAGE_SHIFT = 12;

  private HeldPages() {}

  /** {@return all runs of pages; runs that touch and lie in one round are one} */
  static List<ShowReport.HeldRun> runs(ImageChain chain) throws IOException {
    List<ShowReport.HeldRun> runs = new ArrayList<>();
    for (PagesName name : chain.names()) {
      chain
          .pages(name)
          .forEachRun(
              (start, pageCount, round) -> {
                ShowReport.HeldRun last = runs.isEmpty() ? null : runs.get(runs.size() - 1);
                if (last != null
                    && last.name().equals(name)
                    && last.round() == round
                    && end(last) == start) {
                  runs.set(
                      runs.size() - 1,
                      new ShowReport.HeldRun(
                          name, last.start(), last.pageCount() + pageCount, round));
                } else {
                  runs.add(new ShowReport.HeldRun(name, start, pageCount, round));
                }
              });
    }
    return runs;
  }

  private static long end(ShowReport.HeldRun run) {
    return run.start() + (run.pageCount() << PAGE_SHIFT);
  }

  /** {@return every VMA of the newest round with the number of its pages} */
  static List<ShowReport.HeldVma> vmas(ImageChain chain) throws IOException {
    Map<PagesName, NavigableMap<Long, ShowReport.HeldRun>> runs = new HashMap<>();
    for (ShowReport.HeldRun run : runs(chain)) {
      runs.computeIfAbsent(run.name(), n -> new TreeMap<>(Long::compareUnsigned))
          .put(run.start(), run);
    }
    Map<Integer, Integer> vpids = new HashMap<>();
    Map<Integer, NavigableMap<Long, VmaImage>> shared = new HashMap<>();
    for (ProcessIdentity process : chain.newest().manifest().processes()) {
      vpids.put(process.pid(), process.vpid());
      shared.put(process.pid(), sharedVmas(chain, process.vpid()));
    }
    List<ShowReport.HeldVma> vmas = new ArrayList<>();
    for (VmaRecord vma : chain.newest().manifest().vmas()) {
      NavigableMap<Long, VmaImage> images = shared.getOrDefault(vma.pid(), new TreeMap<>());
      Map.Entry<Long, VmaImage> entry = images.floorEntry(vma.start());
      PagesName name = PagesName.ofProcess(vpids.getOrDefault(vma.pid(), vma.pid()));
      long start = vma.start();
      if (entry != null && Long.compareUnsigned(vma.start(), entry.getValue().end()) < 0) {
        VmaImage image = entry.getValue();
        name = PagesName.ofShared(image.sharedId());
        start = image.fileOffsetBytes() + (vma.start() - image.start());
      }
      long end = start + (vma.end() - vma.start());
      vmas.add(
          new ShowReport.HeldVma(vma, held(runs.getOrDefault(name, new TreeMap<>()), start, end)));
    }
    return vmas;
  }

  private static long held(NavigableMap<Long, ShowReport.HeldRun> runs, long start, long end) {
    Map.Entry<Long, ShowReport.HeldRun> before = runs.floorEntry(start);
    long first = before == null ? start : before.getKey();
    long pages = 0;
    for (ShowReport.HeldRun run : runs.subMap(first, true, end, false).values()) {
      long from = Long.compareUnsigned(run.start(), start) > 0 ? run.start() : start;
      long to = Long.compareUnsigned(end(run), end) < 0 ? end(run) : end;
      if (Long.compareUnsigned(from, to) < 0) {
        pages += (to - from) >>> PAGE_SHIFT;
      }
    }
    return pages;
  }

  /** The VMAs whose pages lie in a pagemap of shared memory, by address. */
  private static NavigableMap<Long, VmaImage> sharedVmas(ImageChain chain, int vpid)
      throws IOException {
    NavigableMap<Long, VmaImage> vmas = new TreeMap<>(Long::compareUnsigned);
    Optional<MmImage> mm = chain.newest().mm(vpid);
    if (mm.isPresent()) {
      for (VmaImage v : mm.get().vmas()) {
        if (!v.holdsPrivatePages()
            && v.sharedId() >= 0
            && chain.names().contains(PagesName.ofShared(v.sharedId()))) {
          vmas.put(v.start(), v);
        }
      }
    }
    return vmas;
  }
}
