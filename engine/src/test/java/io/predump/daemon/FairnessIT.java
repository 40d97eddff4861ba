package io.predump.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.engine.CopyBudget;
import io.predump.engine.CopyLimits;
import io.predump.engine.FinalMode;
import io.predump.engine.SessionOptions;
import io.predump.engine.Targets;
import io.predump.engine.VerifyResult;
import io.predump.images.RoundRecord;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Sessions that share one copy at a time, and a common bandwidth. */
@Timeout(120)
final class FairnessIT {
  private static final SessionOptions OPTIONS = SessionOptions.defaults("test").withThreads(2);

  @TempDir Path directory;

  private ManagedSession attach(Sessions sessions, LiveTarget target, String images)
      throws IOException {
    return sessions.attach(
        Peer.self(), AttachRequest.of(target.pid(), directory.resolve(images), OPTIONS));
  }

  /**
   * The large process is slowed down by the common bandwidth, so its round takes seconds; with one
   * copy at a time the small one could wait for all of it.
   */
  @Test
  void aSmallProcessDoesNotWaitForTheWholeRoundOfALargeOne() throws Exception {
    CopyLimits total = CopyLimits.NONE.withBytesPerSecond(40 << 20);
    try (LiveTarget large = Targets.ready("writer", 1, 160, 20000);
        LiveTarget small = Targets.ready("writer", 2, 16, 20000);
        Sessions sessions =
            new Sessions(
                SessionLimits.DEFAULT, new CopyBudget(1, 2, total), new AccessRules(), List.of())) {
      ManagedSession first = attach(sessions, large, "large");
      ManagedSession second = attach(sessions, small, "small");
      long began = System.nanoTime();
      CompletableFuture<Long> largeDone =
          CompletableFuture.supplyAsync(() -> roundEnds(first) - began);
      LiveTarget.pause(200);
      long smallDone = roundEnds(second) - began;
      long largeNanos = largeDone.get(60, TimeUnit.SECONDS);

      assertThat(largeNanos).as("bandwidth is kept").isGreaterThan(TimeUnit.SECONDS.toNanos(3));
      assertThat(smallDone).isLessThan(largeNanos / 2);
      for (ManagedSession session : List.of(first, second)) {
        assertThat(session.finish(FinishRequest.of(FinalMode.FREEZE, true)).verify())
            .map(VerifyResult::different)
            .hasValue(0L);
      }
    }
  }

  private static long roundEnds(ManagedSession session) {
    try {
      assertThat(session.round()).map(RoundRecord::round).isPresent();
      return System.nanoTime();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
