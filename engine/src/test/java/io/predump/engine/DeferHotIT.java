package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.predump.images.ChainVerifier;
import io.predump.images.RoundRecord;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Hot pages are left to the freeze, stay owed until then, and are never lost. */
final class DeferHotIT {
  private static final int PAGES = 64;
  private static final long LIMIT_NANOS = 20_000_000;
  private static final SessionOptions OPTIONS = SessionOptions.defaults("test");

  @TempDir Path directory;

  @Test
  void whatIsDeferredIsOwedUntilTheFreezeReadsIt() throws IOException {
    assertThat(differentAfterDeferring(TestHooks.NONE, "guarded")).isZero();
    assertThat(
            differentAfterDeferring(TestHooks.without(Protection.OWED_WHEN_DEFERRED), "forgotten"))
        .as("control")
        .isGreaterThanOrEqualTo(PAGES);
  }

  /** The last writes come before the last round, which defers them: only the owing remembers. */
  private long differentAfterDeferring(TestHooks hooks, String images) throws IOException {
    try (Script script = Script.start()) {
      script.map("a", "anon", PAGES);
      script.tell("fill a 1");
      try (PreDumpSession session = script.attach(directory.resolve(images), hooks)) {
        session.deferHotPages(LIMIT_NANOS);
        RoundRecord record = session.round().orElseThrow();
        for (int fill = 2; fill <= 4; fill++) {
          assertThat(record.pages().deferred()).as("before it is hot").isZero();
          script.tell("fill a " + fill);
          record = session.round().orElseThrow();
        }
        assertThat(record.pages().deferred()).isGreaterThanOrEqualTo(PAGES);
        return Script.different(session);
      }
    }
  }

  @Test
  void aPageThatCoolsIsStoredByALaterRound() throws IOException {
    try (Script script = Script.start()) {
      script.map("a", "anon", PAGES);
      try (PreDumpSession session = script.attach(directory.resolve("images"), TestHooks.NONE)) {
        session.deferHotPages(LIMIT_NANOS);
        session.round().orElseThrow();
        for (int fill = 1; fill <= 3; fill++) {
          script.tell("fill a " + fill);
          RoundRecord record = session.round().orElseThrow();
          assertThat(record.pages().deferred() >= PAGES).isEqualTo(fill == 3);
        }
        RoundRecord cooled = session.round().orElseThrow();
        assertThat(cooled.pages().deferred()).isLessThan(PAGES);
        assertThat(cooled.pages().stored()).isGreaterThanOrEqualTo(PAGES);
        assertThat(Script.different(session)).isZero();
      }
    }
  }

  @Test
  void noMoreIsDeferredThanHalfTheDowntimeLimitReads() throws IOException {
    try (Script script = Script.start()) {
      script.map("a", "anon", PAGES);
      try (PreDumpSession session = script.attach(directory.resolve("images"), TestHooks.NONE)) {
        session.deferHotPages(0);
        for (int fill = 1; fill <= 5; fill++) {
          script.tell("fill a " + fill);
          assertThat(session.round().orElseThrow().pages().deferred()).isZero();
        }
        assertThat(Script.different(session)).isZero();
      }
    }
    long[] owed = new long[PageTable.HEATS];
    owed[127] = 10;
    owed[112] = 20;
    owed[96] = 40;
    assertThat(HotPages.deferFrom(owed, 1000)).as("what pays").isEqualTo(97);
    assertThat(HotPages.deferFrom(owed, 29)).isEqualTo(113);
    assertThat(HotPages.deferFrom(owed, 9)).isEqualTo(PageTable.HEATS);
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
  void noPageDiffersAfterRoundsThatDefer(int seed) throws IOException {
    Path images = directory.resolve("images");
    int pauseMicros = new int[] {0, 100, 300, 1000}[seed % 4];
    try (LiveTarget target = Targets.ready("writer", seed, 16 + seed % 3 * 8, pauseMicros);
        PreDumpSession session = PreDumpSession.attach(target.pid(), images, OPTIONS)) {
      session.deferHotPages(LIMIT_NANOS);
      long deferred = 0;
      for (int round = 1; round <= 6; round++) {
        deferred += session.round().orElseThrow().pages().deferred();
        LiveTarget.pause(20);
      }
      VerifyResult verify = session.finish(true).flatMap(FinalRound::verify).orElseThrow();
      assertThat(verify.firstDifferences()).as("seed=%d", seed).isEmpty();
      assertThat(verify.different()).isZero();
      assertThat(verify.compared()).isGreaterThan(1000);
      assertThat(deferred).isPositive();
      assertThat(new ChainVerifier(2).verify(images).problems()).isEmpty();
    }
  }

  /** What a hot target gains: fewer bytes, for a freeze that reads what it would read anyway. */
  @Test
  void aHotTargetIsStoredInFewerBytesWithoutALongerFreeze() throws IOException {
    List<Long> storedWith = new ArrayList<>();
    List<Long> storedWithout = new ArrayList<>();
    List<Long> readWith = new ArrayList<>();
    List<Long> readWithout = new ArrayList<>();
    List<Long> frozenWith = new ArrayList<>();
    List<Long> frozenWithout = new ArrayList<>();
    try (LiveTarget target = Targets.ready("paced", 96, 16, 200_000, 1000)) {
      for (int run = 0; run < 6; run++) {
        boolean defers = run % 2 == 1;
        try (PreDumpSession session =
            PreDumpSession.attach(target.pid(), directory.resolve("run" + run), OPTIONS)) {
          if (defers) {
            session.deferHotPages(LIMIT_NANOS);
          }
          long stored = 0;
          for (int round = 1; round <= 8; round++) {
            stored += session.round().orElseThrow().bytes().stored();
            LiveTarget.pause(100);
          }
          FinalRound last = session.finish(false).orElseThrow();
          (defers ? storedWith : storedWithout).add(stored + last.record().bytes().stored());
          (defers ? readWith : readWithout).add(last.freeze().readBytes());
          (defers ? frozenWith : frozenWithout).add(last.freeze().frozenMicros());
        }
      }
    }
    System.out.printf(
        "deferral: stored %s, without %s; frozen %s us, without %s us%n",
        storedWith, storedWithout, frozenWith, frozenWithout);
    assertThat(middle(storedWith)).isLessThan((long) (0.95 * middle(storedWithout)));
    assertThat(middle(readWith)).isLessThan((long) (1.15 * middle(readWithout)));
  }

  private static long middle(List<Long> values) {
    return values.stream().sorted().skip(values.size() / 2).findFirst().orElseThrow();
  }

  @Test
  void withoutAFreezeOrWithAnRpoNothingMayBeDeferred() {
    LoopOptions deferring = LoopOptions.DEFAULT.withDeferHot(true);
    assertThatThrownBy(() -> deferring.withRpo(Duration.ofSeconds(1)))
        .hasMessage(
            "hot pages can be deferred to a final freeze only, and not with an rpo: the newest"
                + " round must be whole then");
  }
}
