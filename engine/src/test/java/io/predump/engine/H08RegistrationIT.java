package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Hole 8: a protecting scan passes over memory that is not registered, without a word. */
@Tag("linux-6.12")
final class H08RegistrationIT {
  private static final int PAGES = 64;

  @TempDir Path directory;

  @BeforeEach
  void needWriteProtection() {
    WriteProtection.required();
  }

  @Test
  void memoryMappedWhileARoundBeginsIsNotPassedOver() throws IOException {
    assertThat(heldAfterAReplacement(TestHooks.NONE, "guarded")).isEqualTo(PAGES);
    assertThat(heldAfterAReplacement(TestHooks.without(Protection.REGISTRATION_CHECK), "bare"))
        .as("control: the half that was not replaced")
        .isEqualTo(PAGES / 2);
  }

  /** {@return how many of the pages the images hold after the round, all of which have content} */
  private int heldAfterAReplacement(TestHooks hooks, String name) throws IOException {
    Path images = directory.resolve(name);
    try (Script script = Script.start()) {
      long start = script.map("a", "anon", PAGES);
      script.tell("fill a 1");
      boolean[] once = {false};
      TestHooks.Act replace =
          () -> {
            if (once[0]) {
              once[0] = false;
              script.tell("renew a 3");
            }
          };
      try (PreDumpSession session =
          script.attach(images, hooks.at(TestHooks.Moment.BEFORE_SCAN, replace))) {
        session.round().orElseThrow();
        once[0] = true;
        session.round().orElseThrow();
        return Targets.heldPages(images, script.pid(), start, PAGES);
      }
    }
  }
}
