package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.images.ImageChain;
import io.predump.images.PagesName;
import io.predump.images.ResolvedPages;
import io.predump.images.RoundRecord;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A private mapping that reaches beyond the end of its file, where there is nothing to read. */
@Tag("linux-6.1")
@Tag("linux-6.12")
final class BeyondEndOfFileIT {
  private static final long PAGE = PageTable.PAGE_BYTES;
  private static final int PAGES = 64;

  @TempDir Path directory;

  @ParameterizedTest(name = "truncated after {0} rounds")
  @ValueSource(ints = {0, 1, 3})
  void pagesCutOffWithTheFileAreNeitherHeldNorOwed(int roundsBefore) throws IOException {
    Path images = directory.resolve("images");
    try (LiveTarget target = LiveTarget.start(Targets.program("truncated"))) {
      long start = Long.parseUnsignedLong(target.nextLine().substring("at ".length()), 16);
      try (PreDumpSession session =
          PreDumpSession.attach(target.pid(), images, SessionOptions.defaults("test"))) {
        for (int round = 1; round <= 3; round++) {
          if (round == roundsBefore + 1) {
            assertThat(target.ask("truncate")).isEqualTo("done");
          }
          RoundRecord record = session.round().orElseThrow();
          assertThat(record.pages().owed()).as("owed by round %d", round).isZero();
          assertThat(heldPages(images, target, start))
              .as("held by round %d", round)
              .isEqualTo(round <= roundsBefore ? PAGES : 1);
        }
        if (roundsBefore == 3) {
          assertThat(target.ask("truncate")).isEqualTo("done");
        }
        FinalRound last = session.finish(true).orElseThrow();

        assertThat(last.verify().orElseThrow().firstDifferences()).isEmpty();
        assertThat(last.verify().orElseThrow().different()).isZero();
        assertThat(last.record().pages().owed()).isZero();
      }
      assertThat(heldPages(images, target, start)).isEqualTo(1);
      assertThat(target.isAlive()).isTrue();
    }
  }

  private static int heldPages(Path images, LiveTarget target, long start) throws IOException {
    try (ImageChain chain = ImageChain.open(images)) {
      ResolvedPages pages = chain.pages(PagesName.ofProcess(target.pid().number()));
      int held = 0;
      for (int i = 0; i < PAGES; i++) {
        held += pages.roundOf(start + i * PAGE) < 0 ? 0 : 1;
      }
      return held;
    }
  }
}
