package io.predump.daemon.rpc;

import io.predump.daemon.AttachRequest;
import io.predump.daemon.DaemonException;
import io.predump.daemon.ErrorCode;
import io.predump.daemon.Failure;
import io.predump.daemon.ManagedSession;
import io.predump.daemon.Peer;
import io.predump.daemon.Quoted;
import io.predump.daemon.SessionWatcher;
import io.predump.daemon.Sessions;
import io.predump.engine.SessionOptions;
import io.predump.linux.Errno;
import io.predump.linux.Fd;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.proc.ProcStatus;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The trees that clients of RPC have had pre-dumped, in sessions of a registry that others use too.
 * Their chains lie in a directory of their own, and go at the start: tracking ended with whoever
 * wrote there. Nothing else that lies there is touched. For any thread.
 */
final class TrackedTrees implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(TrackedTrees.class);

  /** PID, when it started, when it was attached. */
  private static final Pattern CHAIN = Pattern.compile("pid[0-9]+-[0-9]+-[0-9]+");

  private final Sessions sessions;
  private final SessionOptions options;
  private final Path directory;
  private final ImageForm form;
  private final Fd lock;
  private final Map<Pid, TrackedTree> trees = new HashMap<>();
  private final ReentrantLock attaching = new ReentrantLock();

  private TrackedTrees(
      Sessions sessions, SessionOptions options, Path directory, ImageForm form, Fd lock) {
    this.sessions = sessions;
    this.options = options;
    this.directory = directory;
    this.form = form;
    this.lock = lock;
  }

  /**
   * Begins without the chains of before.
   *
   * @param sessions borrowed
   * @param options how trees are copied
   * @param directory made if it is absent, 0700; its parent exists
   * @param form of what clients find in their directories
   * @throws DaemonException if another program uses the directory
   */
  static TrackedTrees begin(
      Sessions sessions, SessionOptions options, Path directory, ImageForm form)
      throws IOException {
    if (!Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
      Files.createDirectory(
          directory,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    }
    Fd lock = Fd.openDirectory(directory.toString());
    try {
      if (!lock.tryLockExclusive()) {
        throw new DaemonException(
            ErrorCode.FAILURE, directory + ": another daemon serves CRIU's RPC from there");
      }
      deleteChains(directory);
      return new TrackedTrees(sessions, options, directory, form, lock);
    } catch (IOException | RuntimeException e) {
      lock.close();
      throw e;
    }
  }

  private static void deleteChains(Path directory) throws IOException {
    try (var entries = Files.newDirectoryStream(directory)) {
      for (Path entry : entries) {
        if (CHAIN.matcher(entry.getFileName().toString()).matches()
            && Files.isDirectory(entry, LinkOption.NOFOLLOW_LINKS)) {
          delete(entry);
        }
      }
    }
  }

  void requestFailed(Failure failure) {
    sessions.requestFailed(failure);
  }

  /** {@return the tree of a process that is tracked for RPC, and is still the same process} */
  synchronized Optional<TrackedTree> find(Pid root) throws IOException {
    TrackedTree tree = trees.get(root);
    return tree != null
            && sessions.find(root).equals(Optional.of(tree.session()))
            && tree.startTimeTicks() == startTimeTicks(root)
        ? Optional.of(tree)
        : Optional.empty();
  }

  /**
   * {@return the tree of a process, attached if it was not tracked for RPC yet; one at a time, for
   * two clients may ask for the same}
   *
   * @throws DaemonException if a session that is not RPC's has it, or a part of it
   * @throws IOException as {@link Sessions#attach}
   */
  TrackedTree obtain(Pid root) throws IOException {
    attaching.lock();
    try {
      Optional<TrackedTree> known = find(root);
      return known.isPresent() ? known.get() : attach(root);
    } finally {
      attaching.unlock();
    }
  }

  private TrackedTree attach(Pid root) throws IOException {
    long startTimeTicks = startTimeTicks(root);
    Path chain =
        directory.resolve(
            "pid" + root.number() + "-" + startTimeTicks + "-" + Math.abs(System.nanoTime()));
    ManagedSession session;
    try {
      session = sessions.attach(Peer.self(), AttachRequest.of(root, chain, options));
    } catch (IOException | RuntimeException e) {
      delete(chain);
      throw e;
    }
    TrackedTree tree =
        new TrackedTree(session, startTimeTicks, chain, new Fillings(), form, new ReentrantLock());
    synchronized (this) {
      trees.put(root, tree);
    }
    session.watch(new EndOfChain(tree));
    if (sessions.find(root).isEmpty()) {
      removeChain(tree); // it ended before anybody watched
    }
    return tree;
  }

  /** Lets go of a tree, and removes its chain. */
  void release(TrackedTree tree) {
    sessions.detach(tree.session());
    removeChain(tree);
  }

  private void removeChain(TrackedTree tree) {
    synchronized (this) {
      trees.remove(tree.session().target(), tree);
    }
    try {
      delete(tree.chain());
    } catch (IOException e) {
      LOG.warn(
          "event=rpc-chain-left path={} reason={}",
          Quoted.of(tree.chain().toString()),
          Quoted.of(Failure.of(e).message()));
    }
  }

  /** Removes a chain with its session. */
  private final class EndOfChain implements SessionWatcher {
    private final TrackedTree tree;

    EndOfChain(TrackedTree tree) {
      this.tree = tree;
    }

    @Override
    public void detached(String why) {
      removeChain(tree);
    }
  }

  private static long startTimeTicks(Pid pid) throws IOException {
    try {
      return ProcStatus.read(pid).startTimeTicks();
    } catch (SyscallException e) {
      if (e.is(Errno.ENOENT) || e.is(Errno.ESRCH)) {
        throw new DaemonException(ErrorCode.TARGET_GONE, "no process with pid=" + pid);
      }
      throw e;
    }
  }

  private static void delete(Path path) throws IOException {
    if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    Files.walkFileTree(
        path,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.deleteIfExists(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path dir, @Nullable IOException failure)
              throws IOException {
            Files.deleteIfExists(dir);
            return FileVisitResult.CONTINUE;
          }
        });
  }

  /** Lets others use the directory; the sessions are the registry's to close. */
  @Override
  public void close() {
    lock.close();
  }
}
