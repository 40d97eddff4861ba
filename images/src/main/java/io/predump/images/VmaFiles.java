package io.predump.images;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Writes the memory a round holds as plain bytes, a sparse file for each mapping and for each piece
 * of shared memory: the page at offset N is the page at address {@code start} + N. A file ends
 * behind the last page held; what it has no page for is a hole.
 */
public final class VmaFiles {
  private static final String SUFFIX = ".raw";

  private final ImageChain chain;
  private final Path directory;
  private final int threads;

  private VmaFiles(ImageChain chain, Path directory, int threads) {
    this.chain = chain;
    this.directory = directory;
    this.threads = threads;
  }

  /**
   * One mapping.
   *
   * @param vpid pid in its own pid namespace
   * @param start first byte address
   * @param end first byte address after it
   * @param name path or pseudo name
   * @param policy how its pages were captured
   * @param heldPages private pages held
   * @param file name of its file, none if no page is held
   */
  public record VmaFile(
      int vpid,
      long start,
      long end,
      String name,
      VmaPolicy policy,
      long heldPages,
      Optional<String> file) {}

  /**
   * One piece of shared memory.
   *
   * @param id CRIU's id
   * @param heldPages pages held
   * @param file name of its file, none if no page is held
   */
  public record SharedFile(long id, long heldPages, Optional<String> file) {}

  /**
   * What was written.
   *
   * @param vmas the mappings, as in the manifest
   * @param shared the shared memory
   */
  public record Index(List<VmaFile> vmas, List<SharedFile> shared) {
    /** Copies the lists. */
    public Index {
      vmas = List.copyOf(vmas);
      shared = List.copyOf(shared);
    }

    /** Pages in all files. */
    public long heldPages() {
      return vmas.stream().mapToLong(VmaFile::heldPages).sum()
          + shared.stream().mapToLong(SharedFile::heldPages).sum();
    }
  }

  /**
   * Writes the newest round of a chain.
   *
   * @param directory empty, mode 0700
   * @throws ImageException if the chain is damaged
   * @throws IOException if the disk is full or fails
   */
  public static Index write(ImageChain chain, Path directory, int threads) throws IOException {
    return new VmaFiles(chain, directory, threads).write();
  }

  private Index write() throws IOException {
    Manifest m = chain.newest().manifest();
    Map<Integer, Integer> vpids = new HashMap<>();
    m.processes().forEach(p -> vpids.put(p.pid(), p.vpid()));
    Map<PagesName, PageLayout> layouts = new HashMap<>();
    List<SharedFile> shared = new ArrayList<>();
    for (PagesName name : chain.names()) {
      PageLayout layout = PageLayout.of(chain.pages(name).runs());
      layouts.put(name, layout);
      if (name.kind() == PagesName.Kind.SHARED) {
        String file = "shmem-" + name.id() + SUFFIX;
        shared.add(new SharedFile(name.id(), layout.pageCount(), write(name, layout, 0, file)));
      }
    }
    List<VmaFile> vmas = new ArrayList<>();
    for (VmaRecord v : m.vmas()) {
      int vpid = vpids.getOrDefault(v.pid(), v.pid());
      PagesName name = PagesName.ofProcess(vpid);
      PageLayout all = layouts.get(name);
      Optional<String> file = Optional.empty();
      long held = 0;
      if (all != null) {
        PageLayout layout = all.between(v.start(), v.end());
        held = layout.pageCount();
        file =
            write(
                name,
                layout,
                v.start(),
                String.format("%d-%x-%x%s", vpid, v.start(), v.end(), SUFFIX));
      }
      vmas.add(new VmaFile(vpid, v.start(), v.end(), v.name(), v.policy(), held, file));
    }
    return new Index(vmas, shared);
  }

  private Optional<String> write(PagesName name, PageLayout layout, long start, String fileName)
      throws IOException {
    if (layout.count() == 0) {
      return Optional.empty();
    }
    Storage storage = Storage.disk;
    long[] outPage = new long[layout.count()];
    for (int i = 0; i < outPage.length; i++) {
      outPage[i] = (layout.vaddr(i) - start) >>> 12;
    }
    Path file = directory.resolve(fileName);
    List<RoundImages> rounds = chain.rounds();
    try (FileChannel out = storage.createFile(file)) {
      new FrameSpread(
              chain.pages(name)::file,
              layout,
              outPage,
              rounds.get(0).number(),
              rounds.get(rounds.size() - 1).number(),
              storage,
              out,
              file)
          .run(threads);
      storage.close(out, file);
    }
    return Optional.of(fileName);
  }
}
