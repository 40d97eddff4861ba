package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.linux.testkit.LiveTarget;
import io.predump.linux.testkit.Slowness;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Addresses that are reserved and not used cost nothing, neither the target nor us. */
@Tag("linux-6.1")
@Tag("linux-6.12")
final class ReservationIT {
  private static final int TEBIBYTES = 4;
  private static final int PAGES = 1000;

  @TempDir Path directory;

  @Test
  void aReservationOfTebibytesNeedsNoPageTablesAndNoTime() throws IOException {
    try (LiveTarget target = Targets.ready("reservation", TEBIBYTES, PAGES)) {
      Path status = Path.of(target.pid().procPath("status"));
      long before = Targets.statusNumber(status, "VmPTE");
      PreDumpSession session =
          PreDumpSession.attach(
              target.pid(), directory.resolve("images"), SessionOptions.defaults("test"));
      long closing;
      try {
        long began = System.nanoTime();
        for (int round = 1; round <= 3; round++) {
          assertThat(session.round()).isPresent();
          assertThat(Targets.statusNumber(status, "VmPTE") - before)
              .as("KiB of page tables added by round %d", round)
              .isLessThan(1024);
          assertThat(target.ask("again")).isEqualTo("done");
        }
        FinalRound last = session.finish(false).orElseThrow();
        assertThat(last.record().pages().stored()).isGreaterThanOrEqualTo(PAGES);
        assertThat(Duration.ofNanos(System.nanoTime() - began))
            .isLessThan(Slowness.times(Duration.ofSeconds(10)));
      } finally {
        closing = System.nanoTime();
        session.close();
      }
      assertThat(Duration.ofNanos(System.nanoTime() - closing))
          .as("letting go")
          .isLessThan(Slowness.times(Duration.ofSeconds(2)));
    }
  }
}
