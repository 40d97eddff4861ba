package io.predump.images;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Gives somebody else a chain: its rounds up to one, compressed as they are, in a directory that is
 * a chain of its own and needs nothing of the other. Rounds never change, so that files are linked
 * to where that can be: to those of the chain itself, which costs nothing and keeps them when the
 * chain goes, or to those that lie near already, which costs no room.
 */
public final class ChainCopy {
  private final Storage storage = Storage.disk;
  private final Path chain;
  private final Path directory;

  private ChainCopy(Path chain, Path directory) {
    this.chain = chain;
    this.directory = directory;
  }

  /**
   * Makes it, durable, and checks every byte that was copied, or lies near. What is linked to in
   * the chain itself is the same file: {@link RawImages.TakeOver#LINK} reads nothing, for who holds
   * a frozen process meanwhile.
   *
   * @param chain what is copied, up to its newest round
   * @param directory absent; made with mode 0700
   * @param near a chain that may hold some of the rounds: those are linked to there, unless they
   *     are damaged or linked to in the chain itself
   * @param takeOver whether the files of the chain may be linked to; where they cannot be, on
   *     another file system, it is as if they may not
   * @return the files that were copied, in bytes
   * @throws ImageException if the chain is damaged
   * @throws IOException if the disk is full or fails; what is written so far stays
   */
  public static long write(
      ImageChain chain, Path directory, Optional<Path> near, RawImages.TakeOver takeOver)
      throws IOException {
    RoundImages newest = chain.newest();
    Path rounds = newest.path().resolve("..");
    ChainCopy copy = new ChainCopy(rounds, directory);
    copy.storage.createDirectory(directory);
    long bytes = 0;
    for (int round = 1; round <= newest.number(); round++) {
      bytes += copy.round(round, near, takeOver);
    }
    copy.storage.createLink(
        directory.resolve(ChainDirectory.LATEST), ChainDirectory.roundName(newest.number()));
    copy.storage.syncDirectory(directory);
    requireReadable(directory, newest);
    return bytes;
  }

  private long round(int number, Optional<Path> near, RawImages.TakeOver takeOver)
      throws IOException {
    String name = ChainDirectory.roundName(number);
    ManifestFile.Signed signed = ChainDirectory.readManifest(chain, number);
    Path from = chain.resolve(name);
    Path to = directory.resolve(name);
    if (takeOver == RawImages.TakeOver.LINK && works(to, () -> link(signed, from, to))) {
      return 0;
    }
    if (near.isPresent() && holds(near.get(), number, signed)) {
      Path nearer = near.get().resolve(name);
      if (works(to, () -> linkSound(signed, nearer, to))) {
        return 0;
      }
    }
    long bytes = fill(signed, to, file -> copy(from.resolve(file), to.resolve(file)));
    requireSound(new RoundImages(to, signed));
    return bytes;
  }

  /** One way to get a round. */
  private interface Way {
    void go() throws IOException;
  }

  /** {@return whether that way works; if not, nothing is left of it} */
  private boolean works(Path to, Way way) throws IOException {
    try {
      way.go();
      return true;
    } catch (IOException | UnsupportedOperationException e) {
      storage.deleteTree(to); // whatever is wrong on that way, there is another
      return false;
    }
  }

  private void link(ManifestFile.Signed signed, Path from, Path to) throws IOException {
    fill(
        signed,
        to,
        file -> {
          Files.createLink(to.resolve(file), from.resolve(file));
          return 0;
        });
  }

  private void linkSound(ManifestFile.Signed signed, Path from, Path to) throws IOException {
    link(signed, from, to);
    requireSound(new RoundImages(to, signed));
  }

  /** Puts one file of a round in place. */
  private interface Placing {
    /** {@return how many bytes had to be copied} */
    long place(String file) throws IOException;
  }

  /** {@return how many bytes had to be copied} */
  private long fill(ManifestFile.Signed signed, Path to, Placing placing) throws IOException {
    storage.createDirectory(to);
    List<String> files = names(signed.manifest());
    boolean criu = files.stream().anyMatch(file -> file.startsWith(CriuFiles.PREFIX));
    if (criu) {
      storage.createDirectory(CriuFiles.in(to));
    }
    long bytes = 0;
    for (String file : files) {
      bytes += placing.place(file);
    }
    if (signed.manifest().parent().isPresent()) {
      int parent = signed.manifest().round() - 1;
      storage.createLink(to.resolve("parent"), RoundWriter.parentTarget(parent));
    }
    if (criu) {
      storage.syncDirectory(CriuFiles.in(to));
    }
    storage.syncDirectory(to);
    return bytes;
  }

  /** What somebody else could have changed, or the disk, is looked at byte by byte. */
  private static void requireSound(RoundImages copied) throws IOException {
    for (SmallFile f : copied.manifest().smallFiles()) {
      copied.check(f);
    }
    FrameReader.Scratch scratch = new FrameReader.Scratch();
    for (PagesFile f : copied.manifest().pagesFiles()) {
      try (FrameReader reader = FrameReader.open(copied.path(), f)) {
        for (int frame = 0; frame < f.frames().count(); frame++) {
          reader.check(frame, scratch);
        }
      }
    }
  }

  /** {@return whether a round lies near too, by its manifest} */
  private static boolean holds(Path near, int number, ManifestFile.Signed signed) {
    try {
      return ChainDirectory.readManifest(near, number).sha256().equals(signed.sha256());
    } catch (IOException e) {
      return false;
    }
  }

  private static List<String> names(Manifest manifest) {
    List<String> names = new ArrayList<>(List.of(ManifestFile.NAME));
    manifest.smallFiles().forEach(f -> names.add(f.name()));
    manifest.pagesFiles().forEach(f -> names.add(f.name()));
    return names;
  }

  private long copy(Path from, Path to) throws IOException {
    try (FileChannel in =
            FileChannel.open(from, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS);
        FileChannel out = storage.createFile(to)) {
      long bytes = in.size();
      for (long done = 0; done < bytes; ) {
        long moved = in.transferTo(done, bytes - done, out);
        if (moved <= 0) {
          throw new ImageCorruptException(from, done, "cut short while it was copied");
        }
        done += moved;
      }
      storage.sync(out, to);
      storage.close(out, to);
      return bytes;
    }
  }

  private static void requireReadable(Path directory, RoundImages newest) throws IOException {
    try (ImageChain copied = ImageChain.open(directory, newest.number())) {
      for (PagesName name : copied.names()) {
        copied.pages(name);
      }
    }
  }
}
