package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.images.ChainVerifier;
import io.predump.linux.KernelFeatures;
import io.predump.linux.proc.Machine;
import io.predump.linux.proc.MemoryMap;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Targets that have all mappings vm.max_map_count allows, or all but two. */
final class CrowdedIT {
  @TempDir Path directory;

  @ParameterizedTest(name = "{0} to spare")
  @ValueSource(ints = {0, 2})
  void isCopiedWholeAndGoesOnMappingAsItLikes(int spare) throws IOException {
    assertThat(refusals(spare, TestHooks.NONE)).as("mappings refused to the target").isZero();
  }

  /** The control: letting go of it in steps takes one of the two mappings it has left. */
  @Test
  void lettingGoInStepsWouldRefuseItMappings() throws IOException {
    assertThat(refusals(2, TestHooks.without(Protection.MAPPINGS_TO_SPARE))).isPositive();
  }

  /**
   * {@return how often the target could not cut a mapping, from before it is attached to after it
   * is not}
   */
  private long refusals(int spare, TestHooks hooks) throws IOException {
    Path images = directory.resolve("images");
    try (LiveTarget target = Targets.ready("crowded", spare, 256)) {
      int count = MemoryMap.read(target.pid()).vmas().size();
      assertThat(count).isBetween(Machine.maxMapCount() - 2, Machine.maxMapCount() + 1);
      try (PreDumpSession session =
          PreDumpSession.attach(
              target.pid(),
              images,
              SessionOptions.defaults("test"),
              KernelFeatures.current(),
              hooks)) {
        assertThat(session.round()).isPresent();
        target.ask("");
        assertThat(session.round()).isPresent();
        target.ask("");
        FinalRound last = session.finish(true).orElseThrow();
        assertThat(last.verify().orElseThrow().firstDifferences()).isEmpty();
        assertThat(session.warnings()).isEmpty();
      }
      assertThat(new ChainVerifier(2).verify(images).problems()).isEmpty();
      return Long.parseLong(target.ask(""));
    }
  }
}
