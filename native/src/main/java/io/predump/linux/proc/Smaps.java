package io.predump.linux.proc;

import io.predump.linux.AddressRange;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What {@code /proc/PID/smaps} adds to the mappings: flags and amounts. Reading it makes the kernel
 * walk every page table entry of the process: once at attach, never in a loop. Immutable.
 */
public final class Smaps {
  /**
   * One mapping.
   *
   * @param vma its first line
   * @param rssBytes bytes in memory
   * @param swapBytes bytes in swap
   * @param kernelPageBytes page size, larger than 4 KiB for hugetlb memory only
   * @param flags the two-letter codes of {@code VmFlags}, unknown ones too
   */
  public record Entry(
      Vma vma, long rssBytes, long swapBytes, long kernelPageBytes, Set<String> flags) {
    public Entry {
      flags = Collections.unmodifiableSet(new LinkedHashSet<>(flags));
    }

    /** Returns whether a userfaultfd, whoever's, has registered it: um, uw or ui. */
    public boolean hasUserfaultfd() {
      return flags.contains("um") || flags.contains("uw") || flags.contains("ui");
    }

    /** Returns the mapping's addresses. */
    public AddressRange range() {
      return vma.range();
    }
  }

  private final List<Entry> entries;
  private final Map<Long, Entry> byStart;

  private Smaps(List<Entry> entries) {
    this.entries = List.copyOf(entries);
    this.byStart = new HashMap<>(entries.size() * 2);
    for (Entry entry : entries) {
      byStart.putIfAbsent(entry.vma().start(), entry);
    }
  }

  /**
   * Reads it for a process.
   *
   * @throws SyscallException ENOENT or ESRCH if there is no such process, EACCES without the right
   *     to trace it
   */
  public static Smaps read(Pid pid) throws SyscallException {
    return parse(ProcFile.bytes(pid.procPath("smaps")));
  }

  /**
   * Parses the bytes of an smaps file.
   *
   * @throws IllegalArgumentException naming the line that is none
   */
  public static Smaps parse(byte[] smaps) {
    List<Entry> entries = new ArrayList<>();
    Map<String, Set<String>> flagSets = new HashMap<>();
    MemoryMap.LineParser line = new MemoryMap.LineParser(smaps);
    Vma vma = null;
    long rss = 0;
    long swap = 0;
    long page = 4096;
    Set<String> flags = Set.of();
    while (line.next()) {
      if (line.isVmaLine()) {
        if (vma != null) {
          entries.add(new Entry(vma, rss, swap, page, flags));
        }
        vma = line.vma();
        rss = 0;
        swap = 0;
        page = 4096;
        flags = Set.of();
        continue;
      }
      String text = line.line();
      if (text.startsWith("Rss:")) {
        rss = kibibytes(text);
      } else if (text.startsWith("Swap:")) {
        swap = kibibytes(text);
      } else if (text.startsWith("KernelPageSize:")) {
        page = kibibytes(text);
      } else if (text.startsWith("VmFlags:")) {
        flags = flagSets.computeIfAbsent(text, Smaps::flags);
      }
    }
    if (vma != null) {
      entries.add(new Entry(vma, rss, swap, page, flags));
    }
    return new Smaps(entries);
  }

  private static Set<String> flags(String line) {
    Set<String> flags = new LinkedHashSet<>(Arrays.asList(line.substring(8).trim().split(" ", -1)));
    flags.remove("");
    return flags;
  }

  private static long kibibytes(String line) {
    String value = line.substring(line.indexOf(':') + 1).trim();
    if (!value.endsWith(" kB")) {
      throw new IllegalArgumentException("not a line of /proc/PID/smaps: " + line);
    }
    try {
      return Long.parseLong(value.substring(0, value.length() - 3).trim()) << 10;
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("not a line of /proc/PID/smaps: " + line, e);
    }
  }

  /** Returns all mappings in address order. */
  public List<Entry> entries() {
    return entries;
  }

  /** Returns the mapping that starts at {@code start}, or null. */
  public @Nullable Entry entry(long start) {
    return byStart.get(start);
  }
}
