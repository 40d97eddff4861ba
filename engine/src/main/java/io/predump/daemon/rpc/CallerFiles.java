package io.predump.daemon.rpc;

import io.predump.daemon.DaemonException;
import io.predump.daemon.ErrorCode;
import io.predump.images.ChainCopy;
import io.predump.images.DirectoryFill;
import io.predump.images.ImageChain;
import io.predump.images.RawImages;
import io.predump.images.RawImages.TakeOver;
import io.predump.linux.Fd;
import io.predump.proto.CriuOptions;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * The directories of a client's request, by their descriptors: for images, for the log, and the
 * parent's. Used by one thread.
 */
final class CallerFiles implements AutoCloseable {
  /** Where CRIU logs if its client names nothing. */
  private static final String DEFAULT_LOG = "criu.log";

  /**
   * Lies in every directory that is filled here, and outlives the daemon. The real criu would go by
   * soft-dirty bits to build on such a directory, and they tell nothing of what was written since:
   * a tracker of ours may have cleared them. The program {@code criu} knows the name too.
   */
  private static final String MARK = "predump-round";

  private static final String INVENTORY = "inventory.img";

  private final CriuOptions options;
  private final Fd images;
  private final Fd work;

  private CallerFiles(CriuOptions options, Fd images, Fd work) {
    this.options = options;
    this.images = images;
    this.work = work;
  }

  /**
   * Opens them.
   *
   * @throws DaemonException if none is named, or the parent or the log is named as CRIU would not
   *     have it
   * @throws IOException if one cannot be opened, or is no directory
   */
  static CallerFiles open(Caller caller, CriuOptions options) throws IOException {
    requirePath("images_dir", options.getImagesDir());
    requirePath("parent_img", options.getParentImg());
    requirePath("log_file", options.getLogFile());
    String log = options.getLogFile();
    if (log.contains("/") || log.equals(".") || log.equals("..")) {
      throw new DaemonException(ErrorCode.USAGE, "log_file=" + log + ": not a name alone");
    }
    if (options.getParentImg().startsWith("/")) {
      throw new DaemonException(
          ErrorCode.USAGE,
          "parent_img=" + options.getParentImg() + ": relative to the images directory, not /");
    }
    Fd images = images(caller, options);
    try {
      Fd work =
          options.hasWorkDirFd()
              ? directory(caller, options.getWorkDirFd())
              : Fd.openDirectory(path(images).toString());
      return new CallerFiles(options, images, work);
    } catch (IOException e) {
      images.close();
      throw e;
    }
  }

  private static void requirePath(String field, String path) throws DaemonException {
    if (path.indexOf('\0') >= 0) {
      throw new DaemonException(ErrorCode.USAGE, field + ": holds a NUL, which no path can");
    }
  }

  private static Fd images(Caller caller, CriuOptions options) throws IOException {
    if (options.getImagesDirFd() >= 0) {
      return directory(caller, options.getImagesDirFd());
    }
    if (options.getImagesDir().isEmpty()) {
      throw new DaemonException(ErrorCode.USAGE, "neither images_dir_fd nor images_dir");
    }
    Path from = Path.of(caller.pid().procPath("cwd"));
    return Fd.openDirectory(from.resolve(options.getImagesDir()).toString());
  }

  /** Opened anew: a lock is one's own then, and a descriptor that only names can be used. */
  private static Fd directory(Caller caller, int number) throws IOException {
    try (Fd copy = caller.descriptor(number)) {
      return Fd.openDirectory(path(copy).toString());
    }
  }

  private static Path path(Fd fd) {
    return Path.of("/proc/self/fd/" + fd.number());
  }

  /** {@return the images directory} */
  Path images() {
    return path(images);
  }

  /** {@return the same as a request of ours names it} */
  int workDescriptor() {
    return work.number();
  }

  /** {@return the parent's directory, if the request names one that is there} */
  Optional<Path> parent() {
    Path parent = images().resolve(options.getParentImg());
    return options.getParentImg().isEmpty() || !Files.isDirectory(parent)
        ? Optional.empty()
        : Optional.of(parent);
  }

  /** {@return whether the request's parent was filled here, by this daemon or one before it} */
  boolean hasMarkedParent() {
    return parent()
        .map(parent -> Files.exists(parent.resolve(MARK), LinkOption.NOFOLLOW_LINKS))
        .orElse(false);
  }

  /** {@return where the log is} */
  Path log() {
    String name = options.getLogFile();
    return path(work).resolve(name.isEmpty() ? DEFAULT_LOG : name);
  }

  /**
   * Keeps others from filling the directory meanwhile.
   *
   * @throws DaemonException if somebody does so
   */
  void lock() throws IOException {
    if (!images.tryLockExclusive()) {
      throw new DaemonException(
          ErrorCode.FAILURE, "images directory: another dump is writing there");
    }
  }

  /**
   * Fills the images directory with a round of a chain.
   *
   * @param tree whose chain it is; locked
   * @param round which; empty: the newest, for who holds the session. Else others may have added
   *     one since
   * @param parentRound which round the parent's directory holds; empty: everything, without a
   *     parent
   * @param takeOver how what is no page gets there: by a copy, unless the chain goes soon
   * @return the round
   * @throws DaemonException if the parent holds it no longer; nothing is changed then
   */
  int fill(TrackedTree tree, OptionalInt round, OptionalInt parentRound, TakeOver takeOver)
      throws IOException {
    try (DirectoryFill fill = DirectoryFill.begin(images());
        ImageChain chain = open(tree.chain(), round)) {
      Files.writeString(
          fill.path().resolve(MARK), "pid " + tree.session().target() + " round " + round(chain));
      switch (tree.form()) {
        case RAW -> writeRaw(chain, parentRound, fill.path(), takeOver);
        case COMPRESSED -> writeCompressed(chain, parentRound, fill.path(), takeOver);
      }
      if (parentRound.isPresent()) {
        requireParent(tree.fillings(), parentRound); // it may be long since it was looked at
        fill.commit(Optional.of(options.getParentImg()));
      } else {
        fill.commit(Optional.empty());
      }
      return round(chain);
    }
  }

  private static void writeRaw(
      ImageChain chain, OptionalInt parentRound, Path directory, TakeOver takeOver)
      throws IOException {
    int threads = Runtime.getRuntime().availableProcessors();
    RawImages raw = RawImages.of(chain);
    if (parentRound.isPresent()) {
      raw.writeSince(parentRound.getAsInt(), directory, threads, takeOver);
    } else {
      raw.writeTo(directory, threads, takeOver);
    }
  }

  /** The inventory lies beside the chain as well: by it a directory is known as filled. */
  private void writeCompressed(
      ImageChain chain, OptionalInt parentRound, Path directory, TakeOver takeOver)
      throws IOException {
    Optional<Path> near =
        parentRound.isPresent()
            ? parent().map(parent -> parent.resolve(DirectoryFill.CHAIN))
            : Optional.empty();
    ChainCopy.write(chain, directory.resolve(DirectoryFill.CHAIN), near, takeOver);
    Files.copy(chain.newest().path().resolve(INVENTORY), directory.resolve(INVENTORY));
  }

  private static int round(ImageChain chain) {
    return chain.newest().number();
  }

  private static ImageChain open(Path chain, OptionalInt round) throws IOException {
    return round.isPresent() ? ImageChain.open(chain, round.getAsInt()) : ImageChain.open(chain);
  }

  private void requireParent(Fillings fillings, OptionalInt round) throws IOException {
    Optional<Path> parent = parent();
    if (parent.isEmpty() || !fillings.roundOf(parent.get()).equals(round)) {
      throw new DaemonException(
          ErrorCode.USAGE,
          "parent_img=" + options.getParentImg() + ": no longer what a pre-dump has filled");
    }
  }

  /** Begins the log anew with a line. */
  void log(String line) {
    write(line, StandardOpenOption.TRUNCATE_EXISTING);
  }

  /** Adds to what criu, or we, wrote there why it failed. */
  void logFailure(String why) {
    write("Error (predump): " + why, StandardOpenOption.APPEND);
  }

  private void write(String line, StandardOpenOption how) {
    Set<OpenOption> open =
        Set.of(StandardOpenOption.WRITE, StandardOpenOption.CREATE, how, LinkOption.NOFOLLOW_LINKS);
    try (FileChannel log =
        FileChannel.open(
            log(),
            open,
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
      log.write(StandardCharsets.UTF_8.encode(line + "\n"));
    } catch (IOException e) {
      // the response says it as well
    }
  }

  @Override
  public void close() {
    images.close();
    work.close();
  }
}
