package io.predump.linux.proc;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.linux.Pid;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The tree of processes that come and go while it is listed. */
@Tag("linux-6.1")
@Tag("linux-6.12")
final class ProcessTreeIT {
  /** Programs that end at once: now and then one does while its directory is opened. */
  private static final String FORKING = "while :; do true & true & true & wait; done";

  @Test
  void aChildThatEndsWhileTheTreeIsListedIsNoFailure() throws IOException {
    try (LiveTarget target = LiveTarget.start(List.of("sh", "-c", FORKING))) {
      Pid root = target.pid();
      int most = 0;
      Instant end = Instant.now().plus(Duration.ofSeconds(5));
      while (Instant.now().isBefore(end)) {
        most = Math.max(most, ProcessTree.descendants(root).size());
      }
      assertThat(most).as("processes seen at once").isGreaterThan(2);
    }
  }
}
