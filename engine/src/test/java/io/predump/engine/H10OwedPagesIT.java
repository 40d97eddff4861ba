package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Hole 10: a scan consumes the written bit; if its round fails, the pages stay owed. */
final class H10OwedPagesIT {
  private static final int PAGES = 64;

  @TempDir Path directory;

  @Test
  void whatAFailedRoundHadReadIsReadAgain() throws IOException {
    assertThat(differentAfterAFailedRound(TestHooks.NONE, "guarded")).isZero();
    assertThat(differentAfterAFailedRound(TestHooks.without(Protection.OWED_UNTIL_STORED), "bare"))
        .as("control")
        .isGreaterThanOrEqualTo(PAGES);
  }

  private long differentAfterAFailedRound(TestHooks hooks, String images) throws IOException {
    try (Script script = Script.start()) {
      script.map("a", "anon", PAGES);
      script.tell("fill a 1");
      boolean[] fails = {false};
      TestHooks.Act fail =
          () -> {
            if (fails[0]) {
              fails[0] = false;
              throw new IOException("no space left");
            }
          };
      try (PreDumpSession session =
          script.attach(
              directory.resolve(images), hooks.at(TestHooks.Moment.BEFORE_COMMIT, fail))) {
        session.round().orElseThrow();
        script.tell("fill a 2");
        fails[0] = true;
        assertThatThrownBy(session::round).hasMessage("no space left");
        session.round().orElseThrow();
        return Script.different(session);
      }
    }
  }
}
