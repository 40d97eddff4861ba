package io.predump.daemon;

import com.google.protobuf.InvalidProtocolBufferException;
import io.predump.engine.SessionOptions;
import io.predump.images.ChainDirectory;
import io.predump.linux.Errno;
import io.predump.linux.Fd;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.proc.Machine;
import io.predump.linux.proc.ProcStatus;
import io.predump.proto.control.SessionRecord;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A directory with a small file for each living session, {@code ID.session}, a {@code
 * SessionRecord}: written when it is attached, removed when it lets go. What a daemon that was
 * killed leaves there tells the next one what it had. One daemon at a time.
 */
final class StateDirectory implements SessionObserver, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(StateDirectory.class);
  private static final String SUFFIX = ".session";
  private static final int MOST_BYTES = 64 << 10;
  private static final Set<PosixFilePermission> OWNER_ALONE =
      EnumSet.of(
          PosixFilePermission.OWNER_READ,
          PosixFilePermission.OWNER_WRITE,
          PosixFilePermission.OWNER_EXECUTE);

  private final Path path;
  private final Fd lock;

  /** A session's thread may have another user's rights on files. */
  private final ExecutorService writer =
      Executors.newSingleThreadExecutor(
          task -> {
            Thread thread = new Thread(task, "predump-state");
            thread.setDaemon(true);
            return thread;
          });

  private StateDirectory(Path path, Fd lock) {
    this.path = path;
    this.lock = lock;
    // Started now, by whoever starts the daemon: a thread has the rights of the one that starts it.
    writer.execute(() -> {});
  }

  /**
   * A session of a daemon that is no more.
   *
   * @param pid of its process
   * @param imagesDir where its rounds are
   * @param alive whether the process still runs, so that it can be attached again
   * @param swept what was removed of a round that was never committed
   */
  record Lost(Pid pid, Path imagesDir, boolean alive, List<String> swept) {}

  /**
   * Opens the directory, and makes it, 0700, if it is absent.
   *
   * @throws DaemonException if another daemon uses it
   */
  static StateDirectory open(Path path) throws IOException {
    if (!Files.exists(path)) {
      Files.createDirectory(path, PosixFilePermissions.asFileAttribute(OWNER_ALONE));
    }
    Fd lock = Fd.openDirectory(path.toString());
    if (!lock.tryLockExclusive()) {
      lock.close();
      throw new DaemonException(ErrorCode.USAGE, path + ": another daemon keeps its state there");
    }
    return new StateDirectory(path, lock);
  }

  /**
   * Looks at what a killed daemon has left: sweeps the partial rounds of its sessions, but those of
   * unprivileged users, whose directories are not trusted and are swept by their next attach.
   *
   * @return what it had
   */
  List<Lost> recover() throws IOException {
    List<Lost> lost = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(path, "*" + SUFFIX)) {
      for (Path file : files) {
        try {
          lost.add(recover(read(file)));
        } catch (IOException | IllegalArgumentException e) {
          LOG.warn(
              "event=state-unreadable file={} reason={}",
              Quoted.of(file.toString()),
              Quoted.of(Failure.of(e).message()));
        }
        Files.delete(file);
      }
    }
    return lost;
  }

  private static SessionRecord read(Path file) throws IOException {
    if (Files.size(file) > MOST_BYTES) {
      throw new IOException(file + ": too long");
    }
    try {
      return SessionRecord.parseFrom(Files.readAllBytes(file));
    } catch (InvalidProtocolBufferException e) {
      throw new IOException(file + ": not a session's record", e);
    }
  }

  private static Lost recover(SessionRecord record) throws IOException {
    AttachRequest request =
        WireSessions.request(record.getAttach(), SessionOptions.defaults("recovered"));
    Peer owner = new Peer(record.getUid(), record.getGid(), 0, "");
    List<String> swept = owner.isPrivileged() ? sweep(request.imagesDir()) : List.of();
    return new Lost(request.target(), request.imagesDir(), lives(record, request.target()), swept);
  }

  /** Unless somebody else writes there by now. */
  private static List<String> sweep(Path imagesDir) throws IOException {
    if (!Files.isDirectory(imagesDir)) {
      return List.of();
    }
    try (Fd chain = Fd.openDirectory(imagesDir.toString())) {
      return chain.tryLockExclusive()
          ? ChainDirectory.openOrCreate(imagesDir).sweepPartials()
          : List.of();
    }
  }

  private static boolean lives(SessionRecord record, Pid pid) throws IOException {
    try {
      ProcStatus status = ProcStatus.read(pid);
      return record.getBootId().equals(Machine.bootId())
          && status.startTimeTicks() == record.getStartTimeTicks()
          && !status.isDead();
    } catch (SyscallException e) {
      if (e.is(Errno.ENOENT) || e.is(Errno.ESRCH)) {
        return false;
      }
      throw e;
    }
  }

  @Override
  public SessionWatcher watch(ManagedSession session) {
    return new SessionWatcher() {
      @Override
      public void attached(String description) {
        writer.execute(() -> note(session));
      }

      @Override
      public void detached(String why) {
        writer.execute(() -> forget(session));
      }
    };
  }

  /** A session is good without: what fails is told, and no more. */
  private void note(ManagedSession session) {
    try {
      SessionRecord record =
          SessionRecord.newBuilder()
              .setBootId(Machine.bootId())
              .setStartTimeTicks(ProcStatus.read(session.target()).startTimeTicks())
              .setAttach(WireSessions.of(session.request()))
              .setUid(session.owner().uid())
              .setGid(session.owner().gid())
              .build();
      Path part = path.resolve(session.id() + ".part");
      Files.write(part, record.toByteArray());
      Files.move(part, file(session), StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      told(session, e);
    }
  }

  private void forget(ManagedSession session) {
    try {
      Files.deleteIfExists(file(session));
    } catch (IOException e) {
      told(session, e);
    }
  }

  private static void told(ManagedSession session, IOException e) {
    LOG.warn(
        "event=state-failed session={} reason={}",
        session.id(),
        Quoted.of(Failure.of(e).message()));
  }

  private Path file(ManagedSession session) {
    return path.resolve(session.id() + SUFFIX);
  }

  @Override
  public void close() {
    writer.shutdown();
    try {
      if (!writer.awaitTermination(1, TimeUnit.SECONDS)) {
        LOG.warn("event=state-left");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    lock.close();
  }
}
