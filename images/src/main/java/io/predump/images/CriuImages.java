package io.predump.images;

import io.predump.images.CriuTask.PrivateMapping;
import io.predump.proto.PstreeEntry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * What a directory of images that CRIU wrote says of private memory: which processes there are, and
 * which of their mappings a restore fills with pages.
 *
 * <pre>
 * pstree.img      := u32 0x54564319 u32 0x50273030 record(pstree_entry)*
 * mm-VPID.img     a process that has none is dead, and has no memory
 * pagemap-VPID.img
 * </pre>
 *
 * <p>A mapping is filled if its status says {@code REGULAR} and {@code ANON_PRIVATE} or {@code
 * FILE_PRIVATE}, but not {@code VVAR} or {@code VSYSCALL}; or {@code AIORING}. The {@code p} of
 * {@code /proc/PID/maps} says something else.
 */
public final class CriuImages {
  static final String PSTREE = "pstree.img";

  private final Path directory;
  private final List<CriuTask> tasks;
  private final int rootVpid;
  private final List<Integer> ids;

  private CriuImages(Path directory, List<CriuTask> tasks, int rootVpid, Collection<Integer> ids) {
    this.directory = directory;
    this.tasks = List.copyOf(tasks);
    this.rootVpid = rootVpid;
    this.ids = List.copyOf(ids);
  }

  /**
   * Reads the images of a whole dump; those of a round are to be checked against its manifest
   * before.
   *
   * @throws ImageCorruptException if a file is missing, or does not say what CRIU's say
   * @throws IOException if one cannot be read
   */
  public static CriuImages open(Path directory) throws IOException {
    Path pstree = directory.resolve(PSTREE);
    List<CriuTask> tasks = new ArrayList<>();
    Set<Integer> vpids = new HashSet<>();
    Set<Integer> ids = new LinkedHashSet<>();
    int rootVpid = 0;
    Set<Integer> pagesIds = new HashSet<>();
    for (PstreeEntry process : ImageFiles.processes(pstree, ImageFiles.readAll(pstree))) {
      int vpid = process.getPid();
      if (vpid <= 0 || !vpids.add(vpid)) {
        throw new ImageCorruptException(
            pstree, -1, "pid=" + Integer.toUnsignedString(vpid) + ": not a pid, or twice");
      }
      rootVpid = rootVpid == 0 ? vpid : rootVpid;
      ids.add(vpid);
      ids.addAll(process.getThreadsList());
      Path mm = directory.resolve(ImageFiles.mmName(vpid));
      if (!Files.exists(mm, LinkOption.NOFOLLOW_LINKS)) {
        continue;
      }
      Path pagemap = directory.resolve(PagesName.ofProcess(vpid).fileName());
      PagemapReader entries = PagemapReader.ofCriu(pagemap, ImageFiles.readAll(pagemap));
      if (entries.pagesId() <= 0 || !pagesIds.add(entries.pagesId())) {
        throw entries.corrupt(
            "pages_id=" + Integer.toUnsignedString(entries.pagesId()) + ": another's too, or none");
      }
      tasks.add(
          new CriuTask(
              vpid,
              process.getPpid(),
              entries.pagesId(),
              filled(ImageFiles.criuMappings(mm, ImageFiles.readAll(mm)))));
    }
    if (tasks.isEmpty()) {
      throw new ImageCorruptException(pstree, -1, "no process with memory");
    }
    return new CriuImages(directory, tasks, rootVpid, ids);
  }

  /**
   * Does what {@link #open} will do, with what a round of this engine has to say of a process, so
   * that classes are loaded before it matters. Whatever it finds is dropped.
   */
  public static void rehearse(Path round, int vpid) {
    Path mm = round.resolve(ImageFiles.mmName(vpid));
    Path pagemap = round.resolve(PagesName.ofProcess(vpid).fileName());
    try {
      PagemapReader.ofCriu(pagemap, ImageFiles.readAll(pagemap));
      filled(ImageFiles.criuMappings(mm, ImageFiles.readAll(mm)));
      ImageFiles.processes(mm, ImageFiles.readAll(mm));
    } catch (IOException e) {
      // It need not be the same.
    }
  }

  private static List<PrivateMapping> filled(List<VmaImage> mappings) {
    List<VmaImage> guards =
        mappings.stream()
            .filter(VmaImage::isGuard)
            .sorted(Comparator.comparing(VmaImage::start, Long::compareUnsigned))
            .toList();
    List<PrivateMapping> filled = new ArrayList<>();
    int first = 0;
    for (VmaImage v : mappings) {
      if (!v.isFilledByCriu()) {
        continue;
      }
      boolean anonymous = (v.status() & VmaImage.STATUS_ANON_PRIVATE) != 0;
      long start = v.start();
      while (first < guards.size()
          && Long.compareUnsigned(guards.get(first).end(), v.start()) <= 0) {
        first++;
      }
      for (int g = first;
          g < guards.size() && Long.compareUnsigned(guards.get(g).start(), v.end()) < 0;
          g++) {
        if (Long.compareUnsigned(guards.get(g).start(), start) > 0) {
          filled.add(new PrivateMapping(start, guards.get(g).start(), anonymous));
        }
        start = guards.get(g).end();
      }
      if (Long.compareUnsigned(start, v.end()) < 0) {
        filled.add(new PrivateMapping(start, v.end(), anonymous));
      }
    }
    return filled;
  }

  /** {@return the directory} */
  public Path directory() {
    return directory;
  }

  /** {@return the pid of the root in its own pid namespace} */
  public int rootVpid() {
    return rootVpid;
  }

  /** {@return every number a restore gives to a process or thread again, each once} */
  public List<Integer> ids() {
    return ids;
  }

  /** {@return the processes that have memory, parents first} */
  public List<CriuTask> tasks() {
    return tasks;
  }
}
