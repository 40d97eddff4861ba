package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.predump.engine.VerifyResult.Difference;
import io.predump.engine.VerifyResult.Kind;
import io.predump.images.ChainVerifier;
import io.predump.images.ForeignImagesException;
import io.predump.images.ImageChain;
import io.predump.images.PagesName;
import io.predump.images.ResolvedPages;
import io.predump.linux.mem.RawPagemap;
import io.predump.linux.proc.MemoryMap;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.proc.Vma;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Proves that the comparison finds what it is there to find: the same sound chain, with one mistake
 * of the kind an engine could make, each in valid files.
 */
final class VerifierControlsIT {
  private static final int SIGUSR1 = 10;
  private static final int SIGCONT = 18;
  private static final int SIGSTOP = 19;
  private static final int PAGE = PageTable.PAGE_BYTES;

  @TempDir Path directory;
  private LiveTarget target;
  private Path sound;
  private Path wrong;

  /** Two live rounds with a rewrite in between and the final one; then a signal holds it. */
  @BeforeEach
  void takeRoundsAndStopTheTarget() throws IOException {
    sound = directory.resolve("sound");
    wrong = directory.resolve("wrong");
    target = Targets.ready("filler", 4, 25);
    try (PreDumpSession session =
        PreDumpSession.attach(target.pid(), sound, SessionOptions.defaults("test"))) {
      assertThat(session.round()).isPresent();
      target.signal(SIGUSR1);
      assertThat(target.nextLine()).isEqualTo("done");
      assertThat(session.round()).isPresent();
      // stopped before the freeze: let go, the kernel would write the thread's rseq area
      target.signal(SIGSTOP);
      Targets.await("stopped", () -> Targets.threadStates(target.pid()).equals("T"));
      assertThat(session.finish(false)).isPresent();
    }
    Targets.await("stopped again", () -> Targets.threadStates(target.pid()).equals("T"));
  }

  @AfterEach
  void end() throws IOException {
    target.close();
  }

  @Test
  void theUntouchedChainDiffersNowhere() throws IOException {
    VerifyResult result = MemoryVerifier.againstStopped(sound, target.pid());

    assertThat(result.firstDifferences()).isEmpty();
    assertThat(result.different()).isZero();
    assertThat(result.compared()).isGreaterThan(1000);
  }

  @Test
  void aChainRewrittenWithoutAMistakeDiffersNowhere() throws IOException {
    ChainRewrite.copy(sound, wrong, (round, pages) -> {});

    assertThat(new ChainVerifier(1).verify(wrong).problems()).isEmpty();
    assertThat(MemoryVerifier.againstStopped(wrong, target.pid()).different()).isZero();
  }

  @Test
  void findsAPageLostFromThePagemap() throws IOException {
    long victim = pageStoredBy(2);
    ChainRewrite.copy(
        sound,
        wrong,
        (round, pages) -> {
          if (round == 3) {
            pages.remove(victim);
          }
        });

    assertThat(differences()).containsExactly(new Difference(victim, vmaOf(victim), -1, Kind.LOST));
  }

  @Test
  void findsAPageWhoseNewestBytesWereDroppedForOlderOnes() throws IOException {
    long victim = pageStoredBy(2);
    ChainRewrite.copy(
        sound,
        wrong,
        (round, pages) -> {
          if (round == 2) {
            pages.put(victim, ChainRewrite.inParent());
          }
        });

    assertThat(new ChainVerifier(1).verify(wrong).problems()).as("valid files").isEmpty();
    assertThat(differences()).containsExactly(new Difference(victim, vmaOf(victim), 1, Kind.STALE));
  }

  @Test
  void findsAPageHeldWhereTheMappingHasAHole() throws IOException {
    long hole = hole();
    ChainRewrite.copy(sound, wrong, extra(hole));

    assertThat(new ChainVerifier(1).verify(wrong).problems()).as("valid files").isEmpty();
    assertThat(differences()).containsExactly(new Difference(hole, vmaOf(hole), 3, Kind.EXTRA));
  }

  @Test
  void findsAPageHeldWhereNothingIsMapped() throws IOException {
    long nowhere = MemoryMap.read(target.pid()).vmas().get(0).start() - 16 * PAGE;
    ChainRewrite.copy(sound, wrong, extra(nowhere));

    assertThat(differences()).containsExactly(new Difference(nowhere, "unmapped", 3, Kind.EXTRA));
  }

  @Test
  void findsOneByteThatDiffers() throws IOException {
    long victim = pageStoredBy(2);
    ChainRewrite.copy(
        sound,
        wrong,
        (round, pages) -> {
          if (round == 2) {
            ByteBuffer page = Objects.requireNonNull(pages.get(victim));
            page.put(PAGE - 1, (byte) ~page.get(PAGE - 1));
          }
        });

    assertThat(differences()).containsExactly(new Difference(victim, vmaOf(victim), 2, Kind.STALE));
  }

  @Test
  void findsEveryPageOfAForgottenRound() throws IOException {
    long rewritten = countStoredBy(2);
    ChainRewrite.copy(
        sound,
        wrong,
        (round, pages) -> {
          if (round == 2) {
            pages.replaceAll((address, page) -> ChainRewrite.inParent());
          }
        });

    assertThat(MemoryVerifier.againstStopped(wrong, target.pid()).different())
        .isBetween(rewritten - 16, rewritten)
        .isGreaterThan(200);
  }

  @Test
  void refusesAProcessThatRuns() throws IOException {
    target.signal(SIGCONT);
    Targets.await("runs", () -> Targets.threadStates(target.pid()).equals("S"));

    assertThatThrownBy(() -> MemoryVerifier.againstStopped(sound, target.pid()))
        .isInstanceOf(TargetRefusedException.class)
        .hasMessage(
            "pid=%d (%s) is running (thread %d is S): stop it first",
            target.pid().number(), ProcStatus.read(target.pid()).name(), target.pid().number());
  }

  @Test
  void refusesImagesOfAnotherProcess() throws IOException {
    try (LiveTarget other = Targets.ready("filler", 1, 0)) {
      other.signal(SIGSTOP);
      Targets.await("stopped", () -> Targets.threadStates(other.pid()).equals("T"));

      assertThatThrownBy(() -> MemoryVerifier.againstStopped(sound, other.pid()))
          .isInstanceOf(ForeignImagesException.class)
          .hasMessage(
              sound + ": the images are of another process than pid=" + other.pid().number());
    }
  }

  private static ChainRewrite.Mistake extra(long address) {
    return (round, pages) -> {
      if (round == 3) {
        ByteBuffer page = ByteBuffer.allocate(PAGE);
        page.put(100, (byte) 1);
        pages.put(address, page);
      }
    };
  }

  private List<Difference> differences() throws IOException {
    VerifyResult result = MemoryVerifier.againstStopped(wrong, target.pid());
    assertThat(result.different()).isEqualTo(result.firstDifferences().size());
    assertThat(result.equal()).isEqualTo(result.compared() - result.different());
    return result.firstDifferences();
  }

  /** A page the first round holds and the given one stored anew. */
  private long pageStoredBy(int round) throws IOException {
    long[] found = {-1};
    try (ImageChain newest = ImageChain.open(sound);
        ImageChain first = ImageChain.open(sound, 1)) {
      ResolvedPages before = processPages(first);
      processPages(newest)
          .forEachRun(
              (address, count, storedBy) -> {
                if (storedBy == round && before.roundOf(address) == 1) {
                  found[0] = address;
                }
              });
    }
    assertThat(found[0]).isPositive();
    return found[0];
  }

  private long countStoredBy(int round) throws IOException {
    long[] sum = {0};
    try (ImageChain newest = ImageChain.open(sound)) {
      processPages(newest)
          .forEachRun((address, count, storedBy) -> sum[0] += storedBy == round ? count : 0);
    }
    return sum[0];
  }

  /** A page of private anonymous memory that was never touched. */
  private long hole() throws IOException {
    try (ImageChain newest = ImageChain.open(sound);
        RawPagemap pagemap = RawPagemap.open(target.pid())) {
      ResolvedPages held = processPages(newest);
      for (Vma vma : MemoryMap.read(target.pid()).vmas()) {
        if (vma.isAnonymousPrivate() && vma.writable() && !vma.name().startsWith("[v")) {
          int count = pagemap.read(vma.start(), (int) (vma.bytes() / PAGE));
          for (int i = 0; i < count; i++) {
            long address = vma.start() + (long) i * PAGE;
            boolean there =
                RawPagemap.present(pagemap.entry(i)) || RawPagemap.swapped(pagemap.entry(i));
            if (!there && held.roundOf(address) < 0) {
              return address;
            }
          }
        }
      }
    }
    throw new AssertionError("no hole in " + target.pid());
  }

  private static ResolvedPages processPages(ImageChain chain) throws IOException {
    PagesName name =
        chain.names().stream()
            .filter(n -> n.kind() == PagesName.Kind.PROCESS)
            .findFirst()
            .orElseThrow();
    return chain.pages(name);
  }

  private String vmaOf(long address) throws IOException {
    return String.valueOf(MemoryMap.read(target.pid()).find(address));
  }
}
