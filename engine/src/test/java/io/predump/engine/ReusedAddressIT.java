package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What was known of an address at attach says nothing of the memory that lies there later. */
@Tag("linux-6.1")
@Tag("linux-6.12")
final class ReusedAddressIT {
  private static final int PAGES = 1024;

  @TempDir Path directory;

  @ParameterizedTest(name = "replaced before the freeze={0}")
  @ValueSource(booleans = {false, true})
  void ordinaryMemoryInThePlaceOfDroppableMemoryIsHeld(boolean beforeTheFreeze) throws IOException {
    Path images = directory.resolve("images");
    try (LiveTarget target = LiveTarget.start(Targets.program("replaced"))) {
      String line = target.nextLine();
      assumeTrue(!line.startsWith("lacking"), line);
      long start = Long.parseUnsignedLong(line.substring("at ".length()), 16);
      try (PreDumpSession session =
          PreDumpSession.attach(target.pid(), images, SessionOptions.defaults("test"))) {
        assertThat(session.round()).isPresent();
        if (beforeTheFreeze) {
          assertThat(session.round()).isPresent();
        }
        assertThat(target.ask("replace")).isEqualTo("done");
        if (!beforeTheFreeze) {
          assertThat(session.round()).isPresent();
        }
        VerifyResult verify = session.finish(true).orElseThrow().verify().orElseThrow();

        assertThat(verify.firstDifferences()).isEmpty();
        assertThat(verify.different()).isZero();
      }
      assertThat(Targets.heldPages(images, target.pid(), start, PAGES)).isEqualTo(PAGES);
    }
  }
}
