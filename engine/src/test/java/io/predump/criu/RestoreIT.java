package io.predump.criu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.predump.criu.Programs.Ended;
import io.predump.linux.LibC;
import io.predump.linux.Pid;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A checkpoint comes back as it was, and leaves nothing behind but the processes. */
final class RestoreIT {
  private static final int SIGKILL = 9;

  @TempDir Path temp;
  private Path images = Path.of("");
  private Path work = Path.of("");

  @BeforeEach
  void makeDirectories() throws IOException {
    images = temp.resolve("images");
    work = Files.createDirectory(temp.resolve("work"));
  }

  private static String criu() {
    return StockCriu.program().path().toString();
  }

  private void dump(SelfChecking target, String... more) throws IOException {
    Stream<String> fixed =
        Stream.of(
            "run",
            "-t",
            target.pid().toString(),
            "-D",
            images.toString(),
            "--rounds",
            "2",
            "--final",
            "criu",
            "--criu",
            criu());
    Ended dump = Programs.predump(Stream.concat(fixed, Stream.of(more)).toArray(String[]::new));
    assertThat(dump.exitCode()).as(dump.err()).isZero();
  }

  private void dumpAndEnd(SelfChecking target, String... more) throws IOException {
    dump(target, more);
    target.awaitGone();
  }

  /** Detached, by way of {@link #work}. */
  private Ended restore(String criu, String... more) {
    Stream<String> fixed =
        Stream.of(
            "restore", images.toString(), "-d", "--criu", criu, "--work-dir", work.toString());
    return Programs.predump(Stream.concat(fixed, Stream.of(more)).toArray(String[]::new));
  }

  private Ended refused(int exitCode, String... more) {
    Ended restore = restore(criu(), more);
    assertThat(restore.exitCode()).as(restore.err()).isEqualTo(exitCode);
    assertThat(work).isEmptyDirectory();
    return restore;
  }

  @ParameterizedTest
  @ValueSource(strings = {"veil", "lazy"})
  void whatIsRestoredHasItsMemoryAndGoesOn(String mode) throws IOException {
    try (SelfChecking target = SelfChecking.start("24")) {
      dumpAndEnd(target, "--criu-mode", mode);

      Ended restore = restore(criu(), "--json");

      assertThat(restore.exitCode()).as(restore.err()).isZero();
      assertThat(restore.out())
          .contains("\"rootPid\": " + target.pid() + ",")
          .contains("\"version\": \"" + StockCriu.program().version() + "\"")
          .contains("\"exitCode\": 0")
          .contains("\"processes\": 1,");
      assertThat(work).isEmptyDirectory();
      assertThat(target.check()).isEqualTo("right");
      long writes = target.writes();
      LiveTarget.pause(200);
      assertThat(target.writes()).isGreaterThan(writes);
      assertThat(target.check()).isEqualTo("right");
    }
  }

  /** Before 4.2 CRIU knows neither guard pages nor wide page counts. */
  @Test
  void anOlderCriuDumpsAndRestores() throws IOException {
    String older = StockCriu.older().path().toString();
    try (SelfChecking target = SelfChecking.start("24", "unguarded")) {
      Ended dump =
          Programs.predump(
              "run",
              "-t",
              target.pid().toString(),
              "-D",
              images.toString(),
              "--rounds",
              "2",
              "--final",
              "criu",
              "--criu",
              older);
      assertThat(dump.exitCode()).as(dump.err()).isZero();
      target.awaitGone();

      Ended restore = restore(older);

      assertThat(restore.exitCode()).as(restore.err()).isZero();
      assertThat(target.check()).isEqualTo("right");
    }
  }

  @Test
  void aPidNamespaceComesBackWithItsFirstProcess() throws IOException {
    List<String> inANamespace =
        List.of("sh", "-c", "exec unshare --pid --fork setsid \"$@\" 2>/dev/null", "sh");
    try (SelfChecking below = SelfChecking.start(inANamespace, "8")) {
      Pid unshare = below.pid();
      Pid first =
          new Pid(
              Integer.parseInt(
                  Files.readString(Path.of(unshare.procPath("task/" + unshare + "/children")))
                      .strip()));
      Ended dump =
          Programs.predump(
              "run",
              "-t",
              first.toString(),
              "-D",
              images.toString(),
              "--rounds",
              "2",
              "--final",
              "criu",
              "--criu",
              criu());
      assertThat(dump.exitCode()).as(dump.err()).isZero();
      assertThat(images.resolve("0003/pagemap-1.img")).exists();
      below.awaitGone();

      Ended restore = restore(criu());

      assertThat(restore.exitCode()).as(restore.err()).isZero();
      Matcher root = Pattern.compile("root pid ([0-9]+)").matcher(restore.out());
      assertThat(root.find()).isTrue();
      try {
        assertThat(below.check()).isEqualTo("right");
      } finally {
        LibC.kill(Integer.parseInt(root.group(1)), SIGKILL);
      }
    }
  }

  /** Stock CRIU alone restores what was exported; and the target notices a page that is wrong. */
  @ParameterizedTest
  @ValueSource(strings = {"flat", "chain", "control: a page damaged"})
  void anExportIsRestoredByStockCriu(String what) throws IOException {
    Path out = temp.resolve("out");
    try (SelfChecking target = SelfChecking.start("24")) {
      dumpAndEnd(target);
      boolean chain = what.equals("chain");
      Ended export =
          Programs.predump(
              Stream.concat(
                      Stream.of("export", images.toString(), "--to", "criu", "-o", out.toString()),
                      chain ? Stream.of("--keep-chain") : Stream.of())
                  .toArray(String[]::new));
      assertThat(export.exitCode()).as(export.err()).isZero();
      Path newest = chain ? newestRound(out) : out;
      assertThat(export.out()).contains("restore:   criu restore -D " + newest + "\n");
      if (chain) {
        assertThat(Files.isSymbolicLink(newest.resolve("parent"))).isTrue();
      }
      if (what.startsWith("control")) {
        damageInTheMiddle(largestPages(newest));
      }

      Ended restore =
          Programs.run(
              work,
              List.of(criu(), "restore", "-D", newest.toString(), "-W", work.toString(), "-d"));

      assertThat(restore.exitCode()).as(restore.out()).isZero();
      assertThat(target.check()).isEqualTo(what.startsWith("control") ? "wrong: sum" : "right");
    }
  }

  private static Path newestRound(Path out) throws IOException {
    try (Stream<Path> rounds = Files.list(out)) {
      return rounds.sorted().reduce((a, b) -> b).orElseThrow();
    }
  }

  private static Path largestPages(Path directory) throws IOException {
    Path largest = directory;
    long bytes = -1;
    try (Stream<Path> files = Files.list(directory)) {
      for (Path file : (Iterable<Path>) files::iterator) {
        if (file.getFileName().toString().startsWith("pages-") && Files.size(file) > bytes) {
          largest = file;
          bytes = Files.size(file);
        }
      }
    }
    return largest;
  }

  private static void damageInTheMiddle(Path pages) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(pages.toFile(), "rw")) {
      file.seek(file.length() / 2 / RawMemory.PAGE * RawMemory.PAGE);
      file.write(new byte[RawMemory.PAGE]);
    }
  }

  @Test
  void takenPidsAreNamedBeforeCriuIsStarted() throws IOException {
    Path asked = temp.resolve("asked");
    Path script = script("echo \"$1\" >>" + asked + "; exec " + criu() + " \"$@\"");
    try (SelfChecking target = SelfChecking.start("8")) {
      dump(target, "--leave-running");

      Ended restore = restore(script.toString());

      assertThat(restore.exitCode()).isEqualTo(1);
      assertThat(restore.err())
          .startsWith("predump: the processes get their old pids again, and these are taken: ")
          .contains(target.pid() + " (selfcheck");
      assertThat(Files.readAllLines(asked)).containsOnly("--version");
      assertThat(work).isEmptyDirectory();

      target.signal(SIGKILL);
      target.awaitGone();
      Ended again = restore(script.toString());
      assertThat(again.exitCode()).as(again.err()).isZero();
      assertThat(Files.readAllLines(asked)).contains("restore");
      assertThat(target.check()).isEqualTo("right");
    }
  }

  private Path script(String line) throws IOException {
    Path script = temp.resolve("script");
    Files.writeString(script, "#!/bin/sh\n" + line + "\n");
    assertThat(script.toFile().setExecutable(true)).isTrue();
    return script;
  }

  @Test
  void criusOwnFailureIsToldWithItsExitCodeAndLeavesNothing() throws IOException {
    try (SelfChecking target = SelfChecking.start("8")) {
      dumpAndEnd(target);
      // CRIU does not open a file that has grown since
      Files.writeString(target.output(), "more", StandardOpenOption.APPEND);

      Ended restore = refused(1);

      assertThat(restore.err())
          .startsWith("predump: " + criu() + " restore: exit code 1: ")
          .contains("has bad size")
          .contains("Restoring FAILED.");
      assertThat(target.isAlive()).isFalse();
    }
  }

  @Test
  void onlyACheckpointIsRestored() throws IOException {
    try (SelfChecking target = SelfChecking.start("8", "quiet")) {
      String pid = target.pid().toString();
      Ended run = Programs.predump("run", "-t", pid, "-D", images.toString(), "--rounds", "1");
      assertThat(run.exitCode()).as(run.err()).isZero();
      assertThat(refused(2).err())
          .isEqualTo(
              "predump: round 2 of "
                  + images
                  + " is memory alone, not a whole checkpoint, and no other round is one: predump"
                  + " run --final criu makes one\n");

      dump(target, "--leave-running");
      String checkpoint = latest();
      run = Programs.predump("run", "-t", pid, "-D", images.toString(), "--rounds", "1");
      assertThat(run.exitCode()).as(run.err()).isZero();
      assertThat(refused(2).err())
          .isEqualTo(
              "predump: round "
                  + latest()
                  + " of "
                  + images
                  + " is memory alone, not a whole checkpoint: round "
                  + checkpoint
                  + " is one: --round "
                  + checkpoint
                  + "\n");

      target.signal(SIGKILL);
      target.awaitGone();
      Ended restore = restore(criu(), "--round", checkpoint);
      assertThat(restore.exitCode()).as(restore.err()).isZero();
      assertThat(target.check()).isEqualTo("right");
    }
  }

  @Test
  void damageIsFoundWhereverItIsAndNothingIsRestored() throws IOException {
    try (SelfChecking target = SelfChecking.start("8")) {
      dumpAndEnd(target);
      Path newest = newestRoundOfImages();
      for (String name :
          List.of(
              "pages-1.img.zst",
              "criu/core-" + target.pid() + ".img",
              "criu/" + largestPages(newest.resolve("criu")).getFileName())) {
        Path file = newest.resolve(name);
        byte[] good = Files.readAllBytes(file);
        byte[] bad = good.clone();
        bad[good.length / 2] ^= 1;
        Files.write(file, bad);

        assertThat(refused(5).err()).as(name).contains(file.getFileName().toString() + ": ");

        Files.write(file, good);
      }
      assertThat(target.isAlive()).isFalse();
      Ended restore = restore(criu());
      assertThat(restore.exitCode()).as("control: repaired").isZero();
      assertThat(target.check()).isEqualTo("right");
    }
  }

  private Path newestRoundOfImages() throws IOException {
    return images.resolve(Files.readSymbolicLink(images.resolve("latest")));
  }

  private String latest() throws IOException {
    return Integer.toString(Integer.parseInt(newestRoundOfImages().getFileName().toString()));
  }

  @Test
  void argumentsThatWouldHarmTheImagesAreRefused() throws IOException {
    try (SelfChecking target = SelfChecking.start("8", "quiet")) {
      dump(target, "--leave-running");
      assertThat(refused(2, "--", "--auto-dedup").err())
          .isEqualTo(
              "predump: --auto-dedup: not with a restore: it punches holes into images that are"
                  + " linked, not copied\n");
    }
  }

  private RestoreOptions foreground(Path criu) throws IOException {
    CriuProgram program = CriuProgram.find(Optional.of(criu));
    return new RestoreOptions(
        images, OptionalInt.empty(), program, false, Optional.of(work), 2, List.of());
  }

  @Test
  void inTheForegroundTheImagesGoAsSoonAsTheProcessesRun() throws Exception {
    try (SelfChecking target = SelfChecking.start("24")) {
      dumpAndEnd(target);
      CountDownLatch running = new CountDownLatch(1);
      CriuRestore restore =
          new CriuRestore(foreground(StockCriu.program().path()), r -> running.countDown());
      CompletableFuture<RestoreResult> result = CompletableFuture.supplyAsync(() -> run(restore));
      assertThat(running.await(20, TimeUnit.SECONDS)).isTrue();

      assertThat(work).isEmptyDirectory();
      assertThat(target.check()).isEqualTo("right");
      assertThat(result).isNotDone();

      target.signal(SIGKILL);
      assertThat(result.get(20, TimeUnit.SECONDS).exitCode()).isZero();
    }
  }

  private static RestoreResult run(CriuRestore restore) {
    try {
      return restore.run();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void aRestoreThatIsCanceledEndsCriuAndLeavesNothing() throws Exception {
    Path started = temp.resolve("started");
    // a criu that does not get on, with a child as one that has begun to restore has
    Path script =
        script(
            "[ \"$1\" = restore ] || exec "
                + criu()
                + " \"$@\"\n"
                + "sleep 300 & echo $! $$ >"
                + started
                + ".part; mv "
                + started
                + ".part "
                + started
                + "; wait");
    try (SelfChecking target = SelfChecking.start("8")) {
      dumpAndEnd(target);
      CriuRestore restore = new CriuRestore(foreground(script), r -> {});
      CompletableFuture<Throwable> failure =
          CompletableFuture.supplyAsync(
              () -> {
                try {
                  restore.run();
                  return new AssertionError("restored");
                } catch (IOException e) {
                  return e;
                }
              });
      for (int i = 0; i < 2000 && !Files.exists(started); i++) {
        LiveTarget.pause(10);
      }
      assertThat(work).as("control: the images are there").isNotEmptyDirectory();

      restore.cancel();

      assertThat(failure.get(20, TimeUnit.SECONDS)).isInstanceOf(InterruptedIOException.class);
      assertThat(work).isEmptyDirectory();
      for (String pid : Files.readString(started).strip().split(" ", -1)) {
        Optional<ProcessHandle> left = ProcessHandle.of(Long.parseLong(pid));
        if (left.isPresent()) {
          left.get().onExit().get(20, TimeUnit.SECONDS);
        }
      }
      assertThatThrownBy(restore::run)
          .isInstanceOf(InterruptedIOException.class)
          .hasMessage("restore: canceled");
    }
  }
}
