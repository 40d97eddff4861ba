package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.images.ImageChain;
import io.predump.images.ProcessIdentity;
import io.predump.linux.KernelFeatures;
import io.predump.linux.LibC;
import io.predump.linux.Pid;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.proc.ProcessTree;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A process whose parent ends is given to init: it belongs to the tree no more, and as nobody would
 * freeze it, no frozen round may hold it.
 */
final class OrphanIT {
  private static final int SIGKILL = 9;

  @TempDir Path directory;

  @Test
  void aProcessWhoseParentHasEndedLeavesTheTree() throws IOException {
    assertThat(frozenRoundHoldsTheOrphan(TestHooks.NONE, "guarded")).isFalse();
    assertThat(frozenRoundHoldsTheOrphan(TestHooks.without(Protection.ORPHANS_LEAVE), "bare"))
        .as("control")
        .isTrue();
  }

  private boolean frozenRoundHoldsTheOrphan(TestHooks hooks, String name) throws IOException {
    Path images = directory.resolve(name);
    try (LiveTarget target =
        LiveTarget.start(
            List.of("sh", "-c", "sh -c 'sleep 300 & echo $!; sleep 300; :' & sleep 300; :"))) {
      Pid orphan = new Pid(Integer.parseInt(target.nextLine()));
      try (PreDumpSession session =
          PreDumpSession.attach(
              target.pid(),
              images,
              SessionOptions.defaults("test"),
              KernelFeatures.current(),
              hooks)) {
        session.round().orElseThrow();
        assertThat(pidsOfTheNewestRound(images)).contains(orphan.number());

        LibC.kill(ProcStatus.read(orphan).parent(), SIGKILL);
        Targets.await(
            "the parent has ended", () -> !ProcessTree.descendants(target.pid()).contains(orphan));
        session.finish(false).orElseThrow();

        List<Integer> held = pidsOfTheNewestRound(images);
        assertThat(held).contains(target.pid().number());
        assertThat(ProcStatus.read(orphan).tracerPid()).isZero();
        return held.contains(orphan.number());
      } finally {
        LibC.kill(orphan.number(), SIGKILL);
      }
    }
  }

  private static List<Integer> pidsOfTheNewestRound(Path images) throws IOException {
    try (ImageChain chain = ImageChain.open(images)) {
      return chain.newest().manifest().processes().stream().map(ProcessIdentity::pid).toList();
    }
  }
}
