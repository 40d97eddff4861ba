package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class ScanPacerTest {
  private static final long MIB = 1 << 20;
  private static final long GIB = 1 << 30;
  private static final long LEAF = 2 * MIB;
  private static final long CHEAP = 1000;
  private static final long DEAR = 200_000;

  /** 64 GiB, aligned. */
  private static final PolicedVma LARGE =
      Vmas.tracked("7f0000000000-7f1000000000 rw-p 00000000 00:00 0");

  private final PageTable table = new PageTable();
  private final ScanPacer pacer = ScanPacer.live(CopyLimits.NONE, TestHooks.NONE);

  @Test
  void beginsSmallAndDoublesWhatIsCheapUpToABound() {
    assertThat(span()).isEqualTo(4 * MIB);
    pacer.walked(CHEAP);
    assertThat(span()).isEqualTo(8 * MIB);
    for (int i = 0; i < 20; i++) {
      pacer.walked(CHEAP);
    }
    assertThat(span()).isEqualTo(64 * MIB);
  }

  @Test
  void halvesWhatIsDearDownToAHugePage() {
    pacer.walked(DEAR);
    assertThat(span()).isEqualTo(LEAF);
    pacer.walked(DEAR);
    assertThat(span()).isEqualTo(LEAF);
  }

  @Test
  void staysWhereACallCostsWhatItMay() {
    pacer.walked(ScanPacer.CALL_GOAL_NANOS / 2);
    assertThat(span()).isEqualTo(4 * MIB);
  }

  @Test
  void endsBeforeMoreKnownLeavesThanACallCanAfford() {
    for (int i = 0; i < 20; i++) {
      pacer.walked(CHEAP);
    }
    assertThat(span()).as("nothing known").isEqualTo(64 * MIB);
    table.list(LARGE.start() + 10 * LEAF, LARGE.start() + 30 * LEAF, true, false);

    assertThat(span()).isEqualTo(18 * LEAF);
  }

  @Test
  void walksFarOverMemoryThatCannotHoldAnything() {
    PolicedVma reserved = Vmas.tracked("7f0000000000-7f1000000000 ---p 00000000 00:00 0");

    assertThat(pacer.spanBytes(reserved, table, reserved.start())).isEqualTo(4 * GIB);
  }

  @Test
  void walksAFrozenMappingInOneCall() {
    ScanPacer frozen = ScanPacer.frozen();
    frozen.walked(DEAR);

    assertThat(frozen.spanBytes(LARGE, table, LARGE.start())).isEqualTo(64 * GIB);
  }

  @Test
  void pausesAtLeastAsLongAsItWorked() {
    long begun = System.nanoTime();
    for (int i = 0; i < 20; i++) {
      pacer.walked(1_000_000);
    }
    assertThat(System.nanoTime() - begun).isGreaterThan(15_000_000);
  }

  /** At 5 % of a core a walk of 2 ms lasts 40. */
  @Test
  void keepsWithinABoundOnProcessorTime() {
    ScanPacer bounded = ScanPacer.live(CopyLimits.NONE.withCpuPercent(5), TestHooks.NONE);
    long begun = System.nanoTime();
    for (int i = 0; i < 20; i++) {
      bounded.walked(100_000);
    }
    assertThat(System.nanoTime() - begun).isGreaterThan(37_000_000);
  }

  /** 512 pages that the target will pay 1 ms for last 20 ms at 5 % of a core. */
  @Test
  void countsWhatTheTargetWillPayForItsFirstWrites() {
    ScanPacer bounded = ScanPacer.live(CopyLimits.NONE.withCpuPercent(5), TestHooks.NONE);
    long begun = System.nanoTime();
    bounded.walked(CHEAP, 512);
    bounded.walked(CHEAP, 512);
    assertThat(System.nanoTime() - begun).isGreaterThan(37_000_000);
    assertThat(bounded.spanBytes(LARGE, table, LARGE.start())).as("in small steps").isEqualTo(LEAF);
  }

  /** Nobody can cancel a pause: 320 ms are owed here, and paid 20 at a time. */
  @Test
  void paysLaterWhatOnePauseCannotHold() {
    ScanPacer bounded = ScanPacer.live(CopyLimits.NONE.withCpuPercent(5), TestHooks.NONE);
    long begun = System.nanoTime();
    bounded.walked(CHEAP, 16 * 512);
    assertThat(System.nanoTime() - begun).isBetween(19_000_000L, 150_000_000L);
    for (int i = 0; i < 16; i++) {
      bounded.walked(CHEAP);
    }
    assertThat(System.nanoTime() - begun).isGreaterThan(300_000_000);
  }

  /** The control: who bounds nothing wants to be done soon. */
  @Test
  void countsNoFirstWritesWhereNothingIsBounded() {
    long begun = System.nanoTime();
    for (int i = 0; i < 100; i++) {
      pacer.walked(CHEAP, 512);
    }
    assertThat(System.nanoTime() - begun).isLessThan(1_000_000_000);
    assertThat(span()).isEqualTo(64 * MIB);
  }

  /** The control: a frozen process's lock is nobody's concern. */
  @Test
  void doesNotPauseForAFrozenProcess() {
    ScanPacer frozen = ScanPacer.frozen();
    long begun = System.nanoTime();
    for (int i = 0; i < 20; i++) {
      frozen.walked(1_000_000_000);
    }
    assertThat(System.nanoTime() - begun).isLessThan(5_000_000_000L);
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3, 4, 5, 6})
  void coversAMappingWithoutGapInStepsThatEndOnHugePages(long seed) {
    Random random = new Random(seed);
    long start = 0x7f00_0000_0000L + random.nextInt(1000) * 4096L;
    long end = start + (1 + random.nextInt(100_000)) * 4096L;
    PolicedVma vma = Vmas.tracked(String.format("%x-%x rw-p 00000000 00:00 0", start, end));
    for (int i = 0; i < 40; i++) {
      long at = start + random.nextInt((int) ((end - start) / 4096)) * 4096L;
      table.list(at, at + 4096, true, false);
    }
    long at = start;
    while (at < end) {
      long span = pacer.spanBytes(vma, table, at);
      assertThat(span).as("seed=%d at=%x", seed, at).isPositive().isLessThanOrEqualTo(64 * MIB);
      at += span;
      assertThat(at == end || at % LEAF == 0).as("seed=%d at=%x", seed, at).isTrue();
      pacer.walked(random.nextInt(150_000));
    }
    assertThat(at).isEqualTo(end);
  }

  private long span() {
    return pacer.spanBytes(LARGE, table, LARGE.start());
  }
}
