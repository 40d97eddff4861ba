package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.cli.Main;
import io.predump.images.ChainVerifier;
import io.predump.images.DiskActs;
import io.predump.images.RoundRecord;
import io.predump.linux.proc.ProcStatus;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A disk that fails at every single act of a round: the error says which file and why, the rounds
 * before stay good, nothing the lost round had consumed is lost, and the target does not notice.
 */
final class DiskTroubleIT {
  private static final SessionOptions OPTIONS = SessionOptions.defaults("test");
  private static final String FULL = "No space left on device";
  private static final String BROKEN = "Input/output error";

  /** How many writes of a file count as acts: how many it takes differs from round to round. */
  private static final int WRITES_THAT_COUNT = 2;

  /** So many runs without a failure end a series, should a file have taken one write alone. */
  private static final int ACTS_MORE_OR_LESS = 3;

  private static final int MOST_PASSES = 3;

  private int chains;

  @TempDir Path directory;
  private Ledger target;

  @BeforeEach
  void start() throws IOException {
    target = Ledger.start("sleep", 2);
  }

  @AfterEach
  void theTargetLivesOn() throws IOException {
    try (Ledger t = target) {
      assertThat(t.harm()).isEmpty();
      assertThat(ProcStatus.read(t.pid()).tracerPid()).isZero();
    }
  }

  /** The n-th act fails, in the lasting kind all that follow it too. */
  private static final class Trouble implements DiskActs.Watcher {
    private final int failing;
    private final boolean lasting;
    private final String reason;
    private final Map<Path, Integer> writes = new HashMap<>();
    private int count;
    private String failed = "";

    Trouble(int failing, boolean lasting) {
      this.failing = failing;
      this.lasting = lasting;
      this.reason = failing % 2 == 0 ? FULL : BROKEN;
    }

    @Override
    public synchronized void before(String act, Path path) throws IOException {
      if (act.equals("write") && writes.merge(path, 1, Integer::sum) > WRITES_THAT_COUNT) {
        fail(lasting && count >= failing);
        return;
      }
      count++;
      if (count == failing) {
        failed = act;
      }
      fail(count == failing || (lasting && count > failing));
    }

    private void fail(boolean now) throws IOException {
      if (now) {
        throw new IOException(reason);
      }
    }

    /** {@return the first act that failed, or nothing} */
    synchronized String failed() {
      return failed;
    }
  }

  private enum Which {
    FIRST,
    SECOND,
    FINAL,
    FINAL_VERIFIED;

    Optional<RoundRecord> take(PreDumpSession session) throws IOException {
      return switch (this) {
        case FIRST, SECOND -> session.round();
        case FINAL -> session.finish(false).map(FinalRound::record);
        case FINAL_VERIFIED -> session.finish(true).map(FinalRound::record);
      };
    }
  }

  @ParameterizedTest
  @EnumSource(Which.class)
  void whicheverActOfARoundFailsOnceTheNextRoundIsComplete(Which which) throws IOException {
    assertThat(failAtEveryAct(which, false))
        .contains("mkdir", "create", "write", "fsync", "close", "rename", "symlink");
  }

  @ParameterizedTest
  @EnumSource(Which.class)
  void fromWhicheverActOnAllFailOnceTheDiskIsWellTheNextRoundIsComplete(Which which)
      throws IOException {
    assertThat(failAtEveryAct(which, true))
        .contains("mkdir", "create", "write", "fsync", "close", "rename", "symlink");
  }

  /**
   * How many acts a round takes varies with what the target writes, so one pass may miss the last.
   *
   * @return the kinds of acts that failed
   */
  private Set<String> failAtEveryAct(Which which, boolean lasting) throws IOException {
    Set<String> kinds = new TreeSet<>();
    for (int pass = 0; pass < MOST_PASSES && !kinds.contains("rename"); pass++) {
      failAtEveryAct(which, lasting, kinds);
    }
    return kinds;
  }

  private void failAtEveryAct(Which which, boolean lasting, Set<String> kinds) throws IOException {
    int failed = 0;
    int beyond = 0;
    for (int act = 1; beyond < ACTS_MORE_OR_LESS; act++) {
      boolean hit = failAt(which, act, lasting, kinds);
      failed += hit ? 1 : 0;
      beyond = hit ? 0 : beyond + 1;
    }
    System.out.printf(
        "disk trouble: %s round, %s, acts failed=%d %s%n",
        which, lasting ? "lasting" : "once", failed, kinds);
  }

  private boolean failAt(Which which, int act, boolean lasting, Set<String> kinds)
      throws IOException {
    Path images = directory.resolve("images-" + ++chains);
    Trouble trouble = new Trouble(act, lasting);
    String when = which + " round, act " + act;
    try (PreDumpSession session = PreDumpSession.attach(target.pid(), images, OPTIONS)) {
      int before = 0;
      if (which != Which.FIRST) {
        before = session.round().orElseThrow().round();
      }
      boolean committed = false;
      try (DiskActs acts = DiskActs.watch(trouble)) {
        committed = which.take(session).isPresent();
      } catch (IOException e) {
        assertThat(e.getMessage())
            .as(when)
            .startsWith(images.toString())
            .endsWith(trouble.reason)
            .doesNotContain("null");
      }
      assertThat(ProcStatus.read(target.pid()).tracerPid()).isZero();
      if (trouble.failed().isEmpty()) {
        assertThat(committed).as(when).isTrue();
        return false;
      }
      kinds.add(trouble.failed());
      if (committed) {
        // Only the link to the newest round is not worth a round.
        assertThat(session.warnings()).as(when).anyMatch(w -> w.startsWith("latest: "));
      } else if (!lasting) {
        assertThat(Targets.names(images)).as(when).noneMatch(name -> name.endsWith(".partial"));
      }
      if (before > 0 || committed) {
        assertThat(new ChainVerifier(1).verify(images).problems()).as(when).isEmpty();
      }
      FinalRound next = session.finish(true).orElseThrow();
      assertThat(next.verify().orElseThrow().firstDifferences()).as(when).isEmpty();
      assertThat(next.record().round()).as(when).isEqualTo(before + (committed ? 2 : 1));
    }
    assertThat(new ChainVerifier(1).verify(images).problems()).as(when).isEmpty();
    assertThat(Targets.names(images)).noneMatch(name -> name.endsWith(".partial"));
    return true;
  }

  @Test
  void theCommandFailsWithExitCode1AndNamesTheFile() throws IOException {
    Path images = directory.resolve("images");
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    int status;
    try (DiskActs acts = DiskActs.watch(new Trouble(20, true))) {
      status =
          Main.run(
              new String[] {"run", "-t", target.pid().toString(), "-D", images.toString()},
              new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8),
              new PrintStream(err, true, StandardCharsets.UTF_8));
    }
    assertThat(status).isEqualTo(1);
    assertThat(err.toString(StandardCharsets.UTF_8)).contains("predump: " + images).contains(FULL);
  }

  /** A real file system that is full: of bytes, a page more each time, or of files. */
  @ParameterizedTest
  @ValueSource(strings = {"bytes", "files"})
  void aFileSystemThatFillsUpAnywhereInARoundLosesNothing(String what) throws Exception {
    boolean bytes = what.equals("bytes");
    int failures = 0;
    Set<String> files = new TreeSet<>();
    try (Mounted mounted = Mounted.tmpfs(directory.resolve("mount"), "size=64m,nr_inodes=1000")) {
      Path images = mounted.path.resolve("images");
      try (PreDumpSession session = PreDumpSession.attach(target.pid(), images, OPTIONS)) {
        int last = session.round().orElseThrow().round();
        boolean fits = false;
        for (int room = bytes ? 1 : 0; !fits; room++) {
          mounted.remount(
              bytes ? "size=" + usedBytes(mounted, 4096L * room) : inodes(mounted, room));
          try {
            last = session.round().orElseThrow().round();
            fits = true;
          } catch (IOException e) {
            failures++;
            assertThat(e.getMessage()).startsWith(images.toString()).endsWith(FULL);
            files.add(e.getMessage().replaceAll(".*/([^:]*):.*", "$1").replaceAll("\\d+", "N"));
          }
          mounted.remount("size=64m,nr_inodes=1000");
          assertThat(new ChainVerifier(1).verify(images).problems()).isEmpty();
        }
        FinalRound next = session.finish(true).orElseThrow();
        assertThat(next.verify().orElseThrow().firstDifferences()).isEmpty();
        assertThat(next.record().round()).isEqualTo(last + 1);
      }
      assertThat(new ChainVerifier(1).verify(images).problems()).isEmpty();
    }
    System.out.printf("full of %s: failed rounds=%d, at %s%n", what, failures, files);
    assertThat(failures).isGreaterThan(5);
  }

  private static long usedBytes(Mounted mounted, long more) throws IOException {
    var store = Files.getFileStore(mounted.path);
    return store.getTotalSpace() - store.getUnallocatedSpace() + more;
  }

  private static String inodes(Mounted mounted, int more) throws IOException {
    try (var files = Files.walk(mounted.path)) {
      return "nr_inodes=" + (files.count() + more);
    }
  }
}
