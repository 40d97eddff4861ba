package io.predump.images;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.LongFunction;

/**
 * Writes one round. It is built in {@code .NNNN.partial} and renamed to {@code NNNN} when all of it
 * is durable, so a round is there whole or not at all. Owns its {@link PagesWriter}s; one thread at
 * a time.
 *
 * <p>Order of a commit: fsync every file; write {@code round.img}, fsync; fsync the partial
 * directory; rename; fsync the images directory; point {@code latest} at the round.
 */
public final class RoundWriter implements Closeable {
  private final ChainDirectory chain;
  private final Storage storage;
  private final int round;
  private final Optional<Manifest.Parent> parent;
  private final Path partial;
  private final List<PagesWriter> pages = new ArrayList<>();
  private int lastPagesId;
  private final Set<String> names = new HashSet<>();
  private final List<SmallFile> smallFiles = new ArrayList<>();
  private final List<PagesFile> pagesFiles = new ArrayList<>();
  private final List<String> warnings = new ArrayList<>();
  private long syncNanos;
  private long bytesWritten;
  private Criu criu = Criu.NONE;
  private boolean closed;

  /** What {@code criu/} has come to. */
  private enum Criu {
    NONE,
    BEING_WRITTEN,
    TAKEN
  }

  private RoundWriter(
      ChainDirectory chain, Storage storage, int round, Optional<Manifest.Parent> parent) {
    this.chain = chain;
    this.storage = storage;
    this.round = round;
    this.parent = parent;
    this.partial = chain.path().resolve(ChainDirectory.partialName(round));
  }

  /**
   * Begins the next round of a chain.
   *
   * @param dir the images directory, opened for writing
   * @param parentRound the newest round if this one builds on it, empty for a full round
   * @throws IllegalArgumentException if the parent is not the newest round
   * @throws ImageCorruptException if the chain is damaged
   * @throws IOException if the partial directory exists already (sweep it first) or cannot be made
   */
  public static RoundWriter begin(ChainDirectory dir, OptionalInt parentRound) throws IOException {
    return begin(dir, parentRound, Storage.disk);
  }

  static RoundWriter begin(ChainDirectory dir, OptionalInt parentRound, Storage storage)
      throws IOException {
    dir.requireWritable();
    int round = dir.nextRound();
    Optional<Manifest.Parent> parent = Optional.empty();
    if (parentRound.isPresent()) {
      int number = parentRound.getAsInt();
      if (number != round - 1 || number < 1) {
        throw new IllegalArgumentException(
            "parent round=" + number + ": the newest round is " + (round - 1));
      }
      parent = Optional.of(new Manifest.Parent(number, dir.newestSigned().sha256()));
    }
    RoundWriter writer = new RoundWriter(dir, storage, round, parent);
    storage.createDirectory(writer.partial);
    try {
      if (parent.isPresent()) {
        storage.createLink(writer.partial.resolve("parent"), parentTarget(parent.get().round()));
      }
    } catch (IOException | RuntimeException e) {
      writer.discard(e);
      throw e;
    }
    return writer;
  }

  static String parentTarget(int round) {
    return "../" + ChainDirectory.roundName(round);
  }

  /** Number of the round being written. */
  public int round() {
    return round;
  }

  /**
   * Begins a pagemap and its pages file; files are numbered 1, 2, … in the order of the calls.
   *
   * @throws IllegalArgumentException if this round has that pagemap already
   * @throws IOException if the files cannot be made
   */
  public PagesWriter pages(PagesName name) throws IOException {
    requireOpen();
    claim(name.fileName());
    PagesWriter writer = new PagesWriter(this, storage, partial, name, ++lastPagesId);
    pages.add(writer);
    return writer;
  }

  /**
   * Takes a pagemap and its pages file out of the round: its process ended while it was copied. Its
   * number is not given to another.
   *
   * @throws IllegalArgumentException if the writer is finished, or not of this round
   * @throws IOException if the files cannot be removed
   */
  public void discard(PagesWriter writer) throws IOException {
    requireOpen();
    if (writer.isFinished() || !pages.remove(writer)) {
      throw new IllegalArgumentException(writer.name() + ": not a pagemap under way in this round");
    }
    writer.closeFiles();
    for (String file : writer.fileNames()) {
      Files.delete(partial.resolve(file));
    }
    names.remove(writer.name().fileName());
  }

  /**
   * Writes {@code mm-PID.img}.
   *
   * @param pid the pid of the process's {@link PagesName}
   * @throws IOException if the disk is full or fails; names the file and the reason
   */
  public void mm(int pid, MmImage mm) throws IOException {
    smallFile(ImageFiles.mmName(pid), ImageFiles.encode(mm));
  }

  /**
   * Writes {@code inventory.img}.
   *
   * @throws IOException if the disk is full or fails; names the file and the reason
   */
  public void inventory(InventoryImage inventory) throws IOException {
    smallFile(ImageFiles.INVENTORY, ImageFiles.encode(inventory));
  }

  /**
   * Writes {@code stats-dump}.
   *
   * @throws IOException if the disk is full or fails; names the file and the reason
   */
  public void stats(DumpStatistics statistics) throws IOException {
    smallFile(ImageFiles.STATS, ImageFiles.encode(statistics));
  }

  /**
   * Makes {@code criu/}, mode 0700, for CRIU to write its own files into; {@link #takeCriuFiles}
   * makes them part of the round. Removed with the partial round if that is not committed.
   *
   * @return its absolute path
   * @throws IllegalStateException if it was made already
   * @throws IOException if it cannot be made
   */
  public Path criuDirectory() throws IOException {
    requireOpen();
    if (criu != Criu.NONE) {
      throw new IllegalStateException(CriuFiles.DIRECTORY + ": made already");
    }
    Path directory = CriuFiles.in(partial.toAbsolutePath());
    storage.createDirectory(directory);
    criu = Criu.BEING_WRITTEN;
    return directory;
  }

  /**
   * Makes what lies in {@code criu/} part of the round; nobody may change it any more. Each file
   * gets mode 0600, is hashed and made durable.
   *
   * @throws IllegalStateException unless {@link #criuDirectory} was called, and this was not
   * @throws IOException if the directory is empty, holds anything but regular files, or one with a
   *     name CRIU does not give; if the disk fails
   */
  public void takeCriuFiles() throws IOException {
    requireOpen();
    if (criu != Criu.BEING_WRITTEN) {
      throw new IllegalStateException(CriuFiles.DIRECTORY + ": not made, or taken already");
    }
    Path directory = CriuFiles.in(partial);
    List<Path> files = ChainDirectory.entries(directory);
    if (files.isEmpty()) {
      throw new IOException(directory + ": empty: criu wrote nothing");
    }
    for (Path file : files) {
      String name = CriuFiles.PREFIX + file.getFileName();
      if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
        throw new IOException(file + ": not a regular file");
      }
      if (!ManifestFile.isFileName(name)) {
        throw new IOException(file + ": not a name of criu's");
      }
      claim(name);
      timed(() -> storage.adopt(file));
      long bytes = Files.size(file);
      smallFiles.add(new SmallFile(name, bytes, Digests.sha256Hex(file)));
      bytesWritten += bytes;
    }
    timed(() -> storage.syncDirectory(directory));
    criu = Criu.TAKEN;
  }

  /**
   * Commits with a record known beforehand; its {@code syncMicros} is replaced by {@link
   * #syncMicros} as it is before {@code round.img} is written.
   *
   * @see #commit(ManifestDraft, LongFunction)
   */
  public Manifest commit(ManifestDraft draft, RoundRecord record) throws IOException {
    return commit(draft, record::withSyncMicros);
  }

  /**
   * Makes the round durable and part of the chain. On return it survives a power cut. If it fails,
   * the chain is as it was and {@link #close} removes the partial round.
   *
   * @param draft what the caller knows of the manifest
   * @param record called once, when everything but {@code round.img} is durable, with the time that
   *     took in microseconds
   * @return the manifest as stored
   * @throws IllegalStateException if a pages writer is not finished, CRIU's files are not taken, or
   *     the draft names a CRIU and there are none, or the other way round
   * @throws IOException if the disk is full or fails; names the file and the reason
   */
  public Manifest commit(ManifestDraft draft, LongFunction<RoundRecord> record) throws IOException {
    requireOpen();
    for (PagesWriter p : pages) {
      if (!p.isFinished()) {
        throw new IllegalStateException(p.name() + ": not finished");
      }
    }
    if (criu == Criu.BEING_WRITTEN || draft.criu().isPresent() != (criu == Criu.TAKEN)) {
      throw new IllegalStateException(
          CriuFiles.DIRECTORY + ": " + criu + ", but criu=" + draft.criu());
    }
    for (PagesWriter p : pages) {
      timed(p::sync);
      p.closeFiles();
    }
    Manifest manifest =
        new Manifest(
            Manifest.FORMAT_VERSION,
            draft.engineVersion(),
            draft.kernelRelease(),
            draft.bootId(),
            round,
            parent,
            draft.finalFreeze(),
            draft.processes(),
            draft.tracker(),
            draft.vmas(),
            draft.owedPages(),
            draft.createdUnixMillis(),
            record.apply(syncMicros()),
            smallFiles,
            pagesFiles,
            draft.warnings(),
            draft.notVerified(),
            draft.criu());
    byte[] bytes = ManifestFile.encode(manifest);
    // what we cannot read back must not become part of the chain
    ManifestFile.decode(partial.resolve(ManifestFile.NAME), bytes);
    writeFile(ManifestFile.NAME, bytes);
    timed(() -> storage.syncDirectory(partial));
    Path target = chain.roundPath(round);
    if (Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
      throw new IOException(target + ": exists: another run writes to this directory");
    }
    storage.rename(partial, target);
    try {
      timed(() -> storage.syncDirectory(chain.path()));
    } catch (IOException e) {
      // not known to be durable: take the name back, so that the chain is as it was
      try {
        storage.rename(target, partial);
      } catch (IOException f) {
        chain.takeBackLater(round);
        e.addSuppressed(f);
      }
      throw e;
    }
    closed = true;
    chain.committed(new ManifestFile.Signed(manifest, Digests.sha256Hex(bytes), bytes.length));
    pointLatest();
    return manifest;
  }

  /**
   * The new link is made under the partial's name, so that a crash leaves only what a sweep takes.
   */
  private void pointLatest() {
    try {
      storage.createLink(partial, ChainDirectory.roundName(round));
      storage.rename(partial, chain.path().resolve(ChainDirectory.LATEST));
    } catch (IOException e) {
      // the round is committed; readers take the highest number
      warnings.add(ChainDirectory.LATEST + ": " + e.getMessage());
    }
  }

  /** What went wrong after the commit without harm to it: {@code latest} not updated. */
  public List<String> warnings() {
    return List.copyOf(warnings);
  }

  /** Time spent so far on making files and directories durable. */
  public long syncMicros() {
    return syncNanos / 1000;
  }

  /** Bytes of all files so far. */
  public long bytesWritten() {
    return bytesWritten;
  }

  /**
   * Removes the partial round unless it was committed. Can be called again.
   *
   * @throws IOException if it cannot be removed; a later {@link ChainDirectory#sweepPartials} will
   */
  @Override
  public void close() throws IOException {
    if (closed) {
      return;
    }
    closed = true;
    IOException failure = null;
    for (PagesWriter p : pages) {
      try {
        p.closeFiles();
      } catch (IOException e) {
        failure = e;
      }
    }
    storage.deleteTree(partial);
    if (failure != null) {
      throw failure;
    }
  }

  void wrote(long bytes) {
    bytesWritten += bytes;
  }

  void finished(PagesFile pagesFile, SmallFile pagemap) {
    pagesFiles.add(pagesFile);
    smallFiles.add(pagemap);
  }

  private void smallFile(String name, byte[] bytes) throws IOException {
    requireOpen();
    claim(name);
    writeFile(name, bytes);
    smallFiles.add(new SmallFile(name, bytes.length, Digests.sha256Hex(bytes)));
  }

  private void writeFile(String name, byte[] bytes) throws IOException {
    Path file = partial.resolve(name);
    try (FileChannel channel = storage.createFile(file)) {
      storage.write(channel, file, ByteBuffer.wrap(bytes));
      timed(() -> storage.sync(channel, file));
      storage.close(channel, file);
    }
    bytesWritten += bytes.length;
  }

  private void claim(String name) {
    if (!names.add(name)) {
      throw new IllegalArgumentException(name + ": twice in a round");
    }
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("round " + round + ": closed");
    }
  }

  private void discard(Exception reason) {
    try {
      close();
    } catch (IOException e) {
      reason.addSuppressed(e);
    }
  }

  private void timed(Sync sync) throws IOException {
    long start = System.nanoTime();
    try {
      sync.run();
    } finally {
      syncNanos += System.nanoTime() - start;
    }
  }

  private interface Sync {
    void run() throws IOException;
  }
}
