package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Hole 7: a scan that fails half-way, at memory mapped since maps was read, has already protected
 * what came before, and says so only in its buffer.
 */
@Tag("linux-6.12")
final class H07HarvestIT {
  private static final int PAGES = 64;

  @TempDir Path directory;

  @BeforeEach
  void needWriteProtection() {
    WriteProtection.required();
  }

  @Test
  void whatAFailedScanHadConsumedIsStillRead() throws IOException {
    assertThat(differentAfterAFailedScan(TestHooks.NONE, "guarded")).isZero();
    assertThat(differentAfterAFailedScan(TestHooks.without(Protection.HARVEST), "bare"))
        .as("control")
        .isEqualTo(PAGES / 2);
  }

  private long differentAfterAFailedScan(TestHooks hooks, String images) throws IOException {
    try (Script script = Script.start()) {
      script.map("a", "anon", PAGES);
      script.tell("fill a 1");
      boolean[] once = {false};
      TestHooks.Act replace =
          () -> {
            if (once[0]) {
              once[0] = false;
              script.tell("lower a 2").tell("renew a 3");
            }
          };
      try (PreDumpSession session =
          script.attach(
              directory.resolve(images), hooks.at(TestHooks.Moment.BEFORE_SCAN, replace))) {
        session.round().orElseThrow();
        once[0] = true;
        session.round().orElseThrow();
        return Script.different(session);
      }
    }
  }
}
