package io.predump.criu;

import io.predump.criu.CriuException.Kind;
import io.predump.images.ChainDirectory;
import io.predump.images.CriuImages;
import io.predump.images.ImageChain;
import io.predump.images.RawImages;
import io.predump.images.RawImages.TakeOver;
import io.predump.images.RawSummary;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Restores a whole checkpoint by a stock {@code criu restore}.
 *
 * <p>CRIU's files and the processes' pages, expanded from the chain, go into a private directory of
 * mode 0700, which is removed as soon as the processes run, or the restore has failed. The images
 * directory is only read. What is restored takes its old pids.
 *
 * <p>CRIU gets the standard streams of this process. One thread calls {@link #run}, once; any
 * thread may call {@link #cancel}.
 */
public final class CriuRestore {
  private static final long POLL_MILLIS = 5;

  /** CRIU writes it into its work directory when what it restored runs. */
  private static final String STATS = "stats-restore";

  private static final String LOG = "restore.log";
  private static final String PID_FILE = "root.pid";

  private final RestoreOptions options;
  private final Consumer<RestoreResult> running;
  private boolean canceled;
  private boolean restored;
  private @Nullable Thread runner;
  private @Nullable Process criu;

  /**
   * Prepares a restore.
   *
   * @param running told once when the processes run; CRIU may stay on as their parent after that.
   *     The exit code it is given is 0
   */
  public CriuRestore(RestoreOptions options, Consumer<RestoreResult> running) {
    this.options = options;
    this.running = running;
  }

  /**
   * Restores, and waits for CRIU: with {@link RestoreOptions#detach} until the processes run, else
   * until the last of them has ended.
   *
   * @throws CriuException USAGE if the round is no checkpoint or an argument cannot be; FAILED if a
   *     pid is taken, there is no room, or CRIU fails, with its last errors and its exit code
   * @throws io.predump.images.ImageException if the images are damaged
   * @throws InterruptedIOException if canceled; what was restored by then is killed, unless it ran
   *     already
   * @throws IOException if the disk is full or fails
   */
  public RestoreResult run() throws IOException {
    begin();
    try {
      return restore();
    } catch (ClosedByInterruptException | InterruptedIOException e) {
      throw interrupted(e);
    } catch (IOException e) {
      throw isCanceled() ? interrupted(e) : e;
    } finally {
      end();
    }
  }

  private synchronized void begin() throws InterruptedIOException {
    if (canceled) {
      throw new InterruptedIOException("restore: canceled");
    }
    runner = Thread.currentThread();
  }

  private synchronized void end() {
    runner = null;
    if (canceled) {
      Thread.interrupted(); // meant for the work that has ended
    }
  }

  private synchronized boolean isCanceled() {
    return canceled;
  }

  private static InterruptedIOException interrupted(IOException e) {
    InterruptedIOException interrupted = new InterruptedIOException("restore: canceled");
    interrupted.initCause(e);
    return interrupted;
  }

  /**
   * Asks to stop. Before the processes run, they and CRIU are killed: half of a tree is of no use.
   * Afterwards CRIU alone is asked to end, and they run on.
   */
  public synchronized void cancel() {
    canceled = true;
    if (criu != null && restored) {
      criu.destroy();
    } else if (runner != null) {
      runner.interrupt();
    }
  }

  private RestoreResult restore() throws IOException {
    CriuArguments.RESTORE.check(options.extra());
    try (ImageChain chain = checkpoint()) {
      RawImages images = RawImages.of(chain);
      CriuImages tree = images.criu().orElseThrow();
      TakenPids.refuse(tree);
      Path place =
          ExpansionPlace.of(
              options.imagesDir(), options.workDir(), images.pagesBytes() + images.otherBytes());
      try (PrivateDirectory directory = PrivateDirectory.makeIn(place, "predump-restore-")) {
        return restore(chain.newest().number(), images, directory);
      }
    }
  }

  /** The round to restore; what is wrong with another is nobody's business here. */
  private ImageChain checkpoint() throws IOException {
    ImageChain chain =
        options.round().isPresent()
            ? ImageChain.open(options.imagesDir(), options.round().getAsInt())
            : ImageChain.open(options.imagesDir());
    if (chain.newest().manifest().criu().isPresent()) {
      return chain;
    }
    int round = chain.newest().number();
    chain.close();
    throw new CriuException(Kind.USAGE, notACheckpoint(round));
  }

  private String notACheckpoint(int round) throws IOException {
    String text =
        "round "
            + round
            + " of "
            + options.imagesDir()
            + " is memory alone, not a whole checkpoint";
    for (int older = ChainDirectory.open(options.imagesDir()).roundNumbers().size();
        older >= 1;
        older--) {
      try (ImageChain chain = ImageChain.open(options.imagesDir(), older)) {
        if (chain.newest().manifest().criu().isPresent()) {
          return text + ": round " + older + " is one: --round " + older;
        }
      }
    }
    return text + ", and no other round is one: predump run --final criu makes one";
  }

  private RestoreResult restore(int round, RawImages images, PrivateDirectory directory)
      throws IOException {
    long begin = System.nanoTime();
    Path expanded = subdirectory(directory.path().resolve("images"));
    Path work = subdirectory(directory.path().resolve("work"));
    RawSummary summary = images.writeTo(expanded, options.threads(), TakeOver.LINK);
    long started = System.nanoTime();
    Process process = start(expanded, work);
    boolean runs = awaitRunning(process, work);
    if (!runs) {
      throw failed(process, work);
    }
    long done = System.nanoTime();
    int rootPid = rootPid(work, images.criu().orElseThrow().rootVpid());
    directory.close();
    RestoreResult result =
        new RestoreResult(
            round, rootPid, 0, summary, (started - begin) / 1000, (done - started) / 1000);
    running.accept(result);
    int exitCode = awaitEnd(process);
    return new RestoreResult(
        result.round(), rootPid, exitCode, summary, result.expandMicros(), result.restoreMicros());
  }

  private static Path subdirectory(Path directory) throws IOException {
    return Files.createDirectory(
        directory,
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
  }

  private Process start(Path expanded, Path work) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(options.criu().path().toString());
    command.add("restore");
    command.addAll(List.of("-D", expanded.toString(), "-W", work.toString()));
    command.addAll(List.of("-o", LOG, "-v2", "--pidfile", PID_FILE));
    if (options.detach()) {
      command.add("-d");
    }
    command.addAll(options.extra());
    synchronized (this) {
      if (canceled) {
        throw new InterruptedIOException("restore: canceled");
      }
      criu = new ProcessBuilder(command).inheritIO().start();
      return criu;
    }
  }

  /** Waits until the processes run, or CRIU has ended without; kills all of it if interrupted. */
  private boolean awaitRunning(Process process, Path work) throws IOException {
    Path stats = work.resolve(STATS);
    try {
      boolean ended = false;
      while (!ended && !Files.exists(stats)) {
        ended = process.waitFor(POLL_MILLIS, TimeUnit.MILLISECONDS);
      }
      if (options.detach()) {
        process.waitFor();
      }
      synchronized (this) {
        restored = Files.exists(stats) && (process.isAlive() || process.exitValue() == 0);
        return restored;
      }
    } catch (InterruptedException e) {
      kill(process);
      throw new InterruptedIOException("restore: canceled");
    }
  }

  /** With CRIU gone, what it has made so far would wait for it for ever. */
  private static void kill(Process process) {
    List<ProcessHandle> made = process.descendants().toList();
    process.destroyForcibly();
    made.forEach(ProcessHandle::destroyForcibly);
    process.onExit().join();
    made.forEach(handle -> handle.descendants().forEach(ProcessHandle::destroyForcibly));
  }

  private static int awaitEnd(Process process) throws IOException {
    try {
      return process.waitFor();
    } catch (InterruptedException e) {
      process.destroy();
      throw new InterruptedIOException("restore: canceled");
    }
  }

  private CriuException failed(Process process, Path work) {
    return new CriuException(
        Kind.FAILED,
        options.criu().path()
            + " restore: exit code "
            + process.exitValue()
            + ": "
            + CriuLog.lastWords(work.resolve(LOG)));
  }

  private static int rootPid(Path work, int otherwise) {
    try {
      return Integer.parseInt(Files.readString(work.resolve(PID_FILE)).strip());
    } catch (IOException | NumberFormatException e) {
      return otherwise; // the caller gave another --pidfile
    }
  }
}
