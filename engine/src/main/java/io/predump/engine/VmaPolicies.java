package io.predump.engine;

import io.predump.images.VmaPolicy;
import io.predump.linux.proc.MemoryMap;
import io.predump.linux.proc.Smaps;
import io.predump.linux.proc.Vma;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/**
 * Decides per mapping how its pages get into the images.
 *
 * <p>TRACK where a write-protect fault sees every write: private memory. COMPARE, reading and
 * hashing each round, where it does not: shared memory (written through other mappings and write(2)
 * too), private mappings a foreign userfaultfd owns, huge pages of hugetlbfs where the kernel
 * cannot protect them safely, and private mappings of files without write permission, whose few
 * copied pages are cheaper to read than tracking is. AT_FREEZE where the content only matters once.
 * SKIP where the content lives elsewhere or cannot be read, with the reason.
 */
final class VmaPolicies {
  /** Names of objects that live in memory alone: anonymous, System V, memfd. */
  private static final List<String> MEMORY_OBJECTS =
      List.of("/dev/zero", "/SYSV", "/memfd:", "[anon_shmem:", "/anon_hugepage");

  /** Larger private file mappings are dear to compare: somebody's memory, restored from a file. */
  private static final long LARGE_FILE_BYTES = 64L << 20;

  private final Map<Vma, Set<String>> attachedFlags = new HashMap<>();
  private final Function<Vma, Backing> backing;
  private final boolean tracksHugetlb;
  private final boolean guardsInFiles;

  /**
   * @param attachedSmaps the one reading of smaps, at attach; later mappings are judged without
   * @param backing tells what file system a mapped file lives on
   * @param tracksHugetlb whether huge pages of hugetlbfs may be write-protected
   * @param guardsInFiles whether file mappings may have guard pages: making one over a protected
   *     page never ends (Linux 6.15), until the protection is taken off
   */
  VmaPolicies(
      Smaps attachedSmaps,
      Function<Vma, Backing> backing,
      boolean tracksHugetlb,
      boolean guardsInFiles) {
    attachedSmaps.entries().forEach(entry -> attachedFlags.put(entry.vma(), entry.flags()));
    this.backing = backing;
    this.tracksHugetlb = tracksHugetlb;
    this.guardsInFiles = guardsInFiles;
  }

  /**
   * {@return every mapping with its policy, in address order} Flags read at attach hold for a
   * mapping as long as every reading of maps shows exactly it: another one at its address is judged
   * by what it is itself.
   */
  List<PolicedVma> judge(MemoryMap map) {
    attachedFlags.keySet().retainAll(Set.copyOf(map.vmas()));
    List<PolicedVma> judged = new ArrayList<>(map.vmas().size());
    for (Vma vma : map.vmas()) {
      judged.add(judge(vma));
    }
    return judged;
  }

  PolicedVma judge(Vma vma) {
    String name = vma.name();
    Set<String> flags = attachedFlags.getOrDefault(vma, Set.of());
    if (vma.isVdso()) {
      return policed(vma, VmaPolicy.AT_FREEZE, "vdso: constant");
    }
    if (name.startsWith("[v")) {
      return policed(vma, VmaPolicy.SKIP, "kernel page: every process has its own");
    }
    if (name.startsWith("/[aio]")) {
      return policed(vma, VmaPolicy.AT_FREEZE, "aio ring: the kernel writes it");
    }
    if (name.startsWith("anon_inode:") || name.startsWith("socket:")) {
      return policed(vma, VmaPolicy.SKIP, "kernel object: " + name);
    }
    if (name.startsWith("/secretmem")) {
      return policed(vma, VmaPolicy.SKIP, "secret memory: the kernel lets nobody read it");
    }
    boolean device = flags.contains("pf") || flags.contains("io") || flags.contains("mm");
    if (device && !name.isEmpty()) {
      return policed(vma, VmaPolicy.SKIP, "device memory: not pages of the process");
    }
    if (vma.isSpecial()) {
      return policed(vma, VmaPolicy.SKIP, "special mapping: " + name);
    }
    return vma.shared() ? judgeShared(vma) : judgePrivate(vma, flags);
  }

  private PolicedVma judgeShared(Vma vma) {
    String name = vma.name();
    if (MEMORY_OBJECTS.stream().anyMatch(name::startsWith)) {
      return policed(vma, VmaPolicy.COMPARE, "shared memory: written in ways no fault shows");
    }
    if (name.isEmpty()) {
      return policed(vma, VmaPolicy.SKIP, "shared mapping without a name");
    }
    if (backing.apply(vma).kind() != Backing.Kind.DISK) {
      return policed(vma, VmaPolicy.COMPARE, "file in memory: gone with the machine");
    }
    return policed(
        vma,
        VmaPolicy.SKIP,
        vma.isDeleted()
            ? "shared file, deleted: content ends with the last process that has it"
            : "shared file: content lives in the file");
  }

  private PolicedVma judgePrivate(Vma vma, Set<String> flags) {
    if (flags.contains("um") || flags.contains("uw") || flags.contains("ui")) {
      return policed(vma, VmaPolicy.COMPARE, "watched by a userfaultfd of its own");
    }
    if (flags.contains("ht") || vma.isAnonymousHugetlb() || vma.isFilePrivate()) {
      Backing made = backing.apply(vma);
      if (made.kind() == Backing.Kind.HUGETLB) {
        return judgeHugetlb(vma, made.pageBytes());
      }
    }
    if (flags.contains("ss")) {
      return policed(vma, VmaPolicy.AT_FREEZE, "shadow stack: the processor writes it");
    }
    if (flags.contains("dp")) {
      return policed(vma, VmaPolicy.COMPARE, "droppable: cannot be protected");
    }
    if (vma.isFilePrivate() && !vma.writable()) {
      return policed(vma, VmaPolicy.COMPARE, "private file, not writable: few pages of its own");
    }
    if (vma.isFilePrivate() && guardsInFiles && vma.bytes() < LARGE_FILE_BYTES) {
      return policed(vma, VmaPolicy.COMPARE, "private file: guard pages must not meet protection");
    }
    return policed(vma, VmaPolicy.TRACK, "private");
  }

  private PolicedVma judgeHugetlb(Vma vma, long pageBytes) {
    boolean ofFile = !vma.isAnonymousHugetlb();
    return tracksHugetlb && vma.writable()
        ? new PolicedVma(vma, VmaPolicy.TRACK, "private hugetlb", ofFile, pageBytes)
        : new PolicedVma(vma, VmaPolicy.COMPARE, "hugetlb: read each round", ofFile, pageBytes);
  }

  private static PolicedVma policed(Vma vma, VmaPolicy policy, String reason) {
    return new PolicedVma(vma, policy, reason, vma.isFilePrivate(), PageTable.PAGE_BYTES);
  }
}
