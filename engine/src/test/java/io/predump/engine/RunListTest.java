package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class RunListTest {
  private static final byte PLAIN = 0;

  @Test
  void joinsRunsThatTouchAndAreOfAKind() {
    RunList runs = new RunList();
    runs.add(0x1000, 1, PLAIN);
    runs.add(0x2000, 2, PLAIN);
    runs.add(0x4000, 1, RunList.DROP_ZERO);
    runs.add(0x6000, 1, RunList.DROP_ZERO);

    assertThat(shown(runs)).containsExactly("1000+3/0", "4000+1/1", "6000+1/1");
    assertThat(runs.totalPages()).isEqualTo(5);
  }

  @Test
  void cutsRunsIntoJobsOfAtMostSoManyPages() {
    RunList runs = new RunList();
    runs.add(0x10000, 5, PLAIN);
    runs.add(0x20000, 2, RunList.COMPARED);
    runs.add(0x30000, 1, PLAIN);

    assertThat(shown(runs.cut(3)))
        .containsExactly("10000+3/0", "13000+2/0 20000+1/2", "21000+1/2 30000+1/0");
    assertThat(shown(runs.cut(8))).containsExactly("10000+5/0 20000+2/2 30000+1/0");
    assertThat(shown(runs.cut(1))).hasSize(8);
  }

  @Test
  void cutsAnEmptyListIntoNoJob() {
    RunList.Jobs jobs = new RunList().cut(256);

    assertThat(jobs.count()).isZero();
    assertThat(jobs.totalPages()).isZero();
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void cuttingKeepsEveryPageInOrderAndFillsEveryJobButTheLast(long seed) {
    Random random = new Random(seed);
    RunList runs = new RunList();
    List<Long> pages = new ArrayList<>();
    long address = 0x1000;
    for (int i = 0; i < 2000; i++) {
      int count = 1 + random.nextInt(random.nextInt(10) == 0 ? 700 : 4);
      byte kind = (byte) random.nextInt(3);
      runs.add(address, count, kind);
      for (int k = 0; k < count; k++) {
        pages.add(address + k * 4096L);
      }
      address += (count + random.nextInt(3)) * 4096L;
    }
    int perJob = 1 + random.nextInt(256);

    RunList.Jobs jobs = runs.cut(perJob);

    List<Long> cut = new ArrayList<>();
    for (int job = 0; job < jobs.count(); job++) {
      int inJob = 0;
      for (int piece = jobs.firstPiece(job); piece < jobs.endPiece(job); piece++) {
        for (int k = 0; k < jobs.pageCount(piece); k++) {
          cut.add(jobs.start(piece) + k * 4096L);
        }
        inJob += jobs.pageCount(piece);
      }
      assertThat(inJob).as("seed=%d job=%d", seed, job).isEqualTo(jobs.pages(job));
      if (job < jobs.count() - 1) {
        assertThat(inJob).as("seed=%d job=%d", seed, job).isEqualTo(perJob);
      } else {
        assertThat(inJob).isBetween(1, perJob);
      }
    }
    assertThat(cut).as("seed=%d", seed).isEqualTo(pages);
    assertThat(jobs.totalPages()).isEqualTo(pages.size());
  }

  private static List<String> shown(RunList runs) {
    List<String> shown = new ArrayList<>();
    for (int i = 0; i < runs.size(); i++) {
      shown.add(String.format("%x+%d/%d", runs.start(i), runs.pageCount(i), runs.kind(i)));
    }
    return shown;
  }

  private static List<String> shown(RunList.Jobs jobs) {
    List<String> shown = new ArrayList<>();
    for (int job = 0; job < jobs.count(); job++) {
      List<String> pieces = new ArrayList<>();
      for (int p = jobs.firstPiece(job); p < jobs.endPiece(job); p++) {
        pieces.add(String.format("%x+%d/%d", jobs.start(p), jobs.pageCount(p), jobs.kind(p)));
      }
      shown.add(String.join(" ", pieces));
    }
    return shown;
  }
}
