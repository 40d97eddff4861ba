package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.linux.Pid;
import io.predump.linux.mem.RawPagemap;
import io.predump.linux.proc.MemoryMap;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * A main thread that ends between being found alive and being asked, at exactly that instant: the
 * process goes on, and so does what /proc tells about it.
 */
final class LiveThreadIT {
  private static final int SIGHUP = 1;

  private LiveTarget target;

  @BeforeEach
  void start() throws IOException {
    target =
        LiveTarget.start(List.of(Targets.program("guise").executable().toString(), "dying-leader"));
    assertThat(target.nextLine()).isEqualTo("ready");
  }

  @AfterEach
  void stop() throws IOException {
    target.close();
  }

  @Test
  void anotherThreadIsAskedWhenTheOneKnownHasEndedMeanwhile() throws IOException {
    LiveThread thread = new LiveThread(target.pid());
    List<Pid> asked = new ArrayList<>();

    MemoryMap map =
        thread.ask(
            living -> {
              asked.add(living);
              end(living);
              return MemoryMap.read(living);
            });

    assertThat(map.vmas()).isNotEmpty();
    assertThat(asked).hasSize(2).startsWith(target.pid()).doesNotHaveDuplicates();
    assertThat(thread.id()).isEqualTo(asked.get(1));
  }

  @Test
  void whatWasOpenedOfAThreadThatHasEndedIsClosed() throws IOException {
    LiveThread thread = new LiveThread(target.pid());
    List<RawPagemap> opened = new ArrayList<>();
    List<RawPagemap> closed = new ArrayList<>();

    try (RawPagemap pagemap =
        thread.ask(
            living -> {
              RawPagemap open = RawPagemap.open(living);
              opened.add(open);
              end(living);
              return open;
            },
            late -> {
              closed.add(late);
              late.close();
            })) {
      assertThat(opened).hasSize(2).endsWith(pagemap);
      assertThat(closed).containsExactly(opened.get(0));
    }
  }

  /** The control: the answer of the thread that has just ended, as it would be taken without. */
  @Test
  void theOneThatHasEndedShowsNothing() throws IOException {
    end(target.pid());

    assertThat(MemoryMap.read(target.pid()).vmas()).isEmpty();
  }

  private void end(Pid thread) {
    if (thread.equals(target.pid())) {
      try {
        target.signal(SIGHUP);
        Targets.await("ended", () -> ProcStatus.read(target.pid()).isDead());
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
