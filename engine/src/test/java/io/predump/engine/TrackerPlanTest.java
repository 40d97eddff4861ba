package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.predump.engine.TargetRefusedException.Kind;
import io.predump.linux.Feature;
import io.predump.linux.KernelFeatures;
import org.junit.jupiter.api.Test;

class TrackerPlanTest {
  private static Feature feature(String name, boolean present) {
    return new Feature(name, present, present ? "works" : "why " + name + " is lacking");
  }

  private static KernelFeatures kernel(
      boolean pagemapScan, boolean wpAsync, boolean rawPagemap, boolean softDirty) {
    return new KernelFeatures(
        "6.1.0",
        "x86-64",
        feature("pagemap-scan", pagemapScan),
        feature("wp-async", wpAsync),
        feature("guard-category", false),
        feature("holes-reported-pte", false),
        feature("holes-reported-thp", false),
        feature("suspend-seccomp", true),
        feature("raw-pagemap", rawPagemap),
        feature("soft-dirty", softDirty),
        feature("cgroup2-freezer", true),
        feature("proc-mem-force", true));
  }

  @Test
  void automaticPrefersWriteProtectionWhichFreezesNobody() {
    assertThat(TrackerPlan.automatic(kernel(true, true, true, true)).description())
        .isEqualTo("uffd-wp: the kernel reports writes to private memory, nobody is frozen");
  }

  @Test
  void automaticTakesSoftDirtyBitsWithoutWriteProtectionAndSaysWhy() {
    TrackerPlan plan = TrackerPlan.automatic(kernel(false, false, true, true));

    assertThat(plan.tracker()).isEqualTo(TrackerChoice.SOFT_DIRTY);
    assertThat(plan.reason()).isEqualTo("uffd-wp is not to be had (why pagemap-scan is lacking)");
    assertThat(plan.description())
        .startsWith("soft-dirty: all threads stand still each round")
        .endsWith("; " + plan.reason());
  }

  /** Without page frames soft-dirty bits miss what mremap and KSM do. */
  @Test
  void automaticComparesWherePageFramesAreHidden() {
    TrackerPlan plan = TrackerPlan.automatic(kernel(true, false, false, true));

    assertThat(plan.tracker()).isEqualTo(TrackerChoice.COMPARE);
    assertThat(plan.reason())
        .isEqualTo(
            "uffd-wp is not to be had (why wp-async is lacking), nor soft-dirty (why raw-pagemap is"
                + " lacking)");
  }

  @Test
  void automaticComparesWhereThereIsNothingElse() {
    assertThat(TrackerPlan.automatic(kernel(false, false, true, false)).tracker())
        .isEqualTo(TrackerChoice.COMPARE);
  }

  @Test
  void whatIsAskedForIsTakenIfTheKernelHasIt() throws TargetRefusedException {
    KernelFeatures all = kernel(true, true, true, true);
    assertThat(TrackerPlan.of(TrackerChoice.AUTO, all).tracker()).isEqualTo(TrackerChoice.UFFD_WP);
    for (TrackerChoice asked :
        new TrackerChoice[] {
          TrackerChoice.UFFD_WP, TrackerChoice.SOFT_DIRTY, TrackerChoice.COMPARE
        }) {
      assertThat(TrackerPlan.of(asked, all)).isEqualTo(new TrackerPlan(asked, "asked for"));
    }
  }

  @Test
  void whatTheKernelLacksIsRefusedByName() {
    assertRefused(
        TrackerChoice.UFFD_WP,
        kernel(true, false, true, true),
        "--tracker uffd-wp is not to be had here: wp-async: why wp-async is lacking; --tracker auto"
            + " takes what there is");
    assertRefused(
        TrackerChoice.SOFT_DIRTY,
        kernel(true, true, true, false),
        "--tracker soft-dirty is not to be had here: soft-dirty: why soft-dirty is lacking;"
            + " --tracker auto takes what there is");
    assertRefused(
        TrackerChoice.SOFT_DIRTY,
        kernel(true, true, false, true),
        "--tracker soft-dirty is not to be had here: raw-pagemap: why raw-pagemap is lacking;"
            + " --tracker auto takes what there is");
  }

  private static void assertRefused(TrackerChoice asked, KernelFeatures kernel, String message) {
    TargetRefusedException refused =
        catchThrowableOfType(TargetRefusedException.class, () -> TrackerPlan.of(asked, kernel));
    assertThat(refused).hasMessage(message);
    assertThat(refused.kind()).isEqualTo(Kind.LACKING);
  }
}
