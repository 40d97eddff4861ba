package io.predump.engine;

import io.predump.engine.TargetRefusedException.Kind;
import io.predump.linux.Feature;
import io.predump.linux.KernelFeatures;

/**
 * The tracker of a session and why it is the one. Decided once, from what the kernel can do, before
 * anything is touched: nothing falls back on the way.
 *
 * @param tracker never {@link TrackerChoice#AUTO}
 * @param reason why this one
 */
public record TrackerPlan(TrackerChoice tracker, String reason) {

  /**
   * Chooses the tracker.
   *
   * @throws TargetRefusedException if the kernel cannot do what was asked for, naming what it lacks
   */
  public static TrackerPlan of(TrackerChoice asked, KernelFeatures features)
      throws TargetRefusedException {
    if (asked == TrackerChoice.AUTO) {
      return automatic(features);
    }
    require(asked, features);
    return new TrackerPlan(asked, "asked for");
  }

  /** {@return the best this kernel offers; {@link TrackerChoice#COMPARE} needs nothing of it} */
  public static TrackerPlan automatic(KernelFeatures features) {
    if (features.tracksByWriteProtection()) {
      return new TrackerPlan(TrackerChoice.UFFD_WP, "the best this kernel offers");
    }
    String noProtection = "uffd-wp is not to be had (" + lackingForUffdWp(features).reason() + ")";
    if (features.tracksBySoftDirty()) {
      return new TrackerPlan(TrackerChoice.SOFT_DIRTY, noProtection);
    }
    return new TrackerPlan(
        TrackerChoice.COMPARE,
        noProtection + ", nor soft-dirty (" + lackingForSoftDirty(features).reason() + ")");
  }

  private static void require(TrackerChoice asked, KernelFeatures features)
      throws TargetRefusedException {
    if (asked == TrackerChoice.UFFD_WP && !features.tracksByWriteProtection()) {
      throw refuse(asked, lackingForUffdWp(features));
    }
    if (asked == TrackerChoice.SOFT_DIRTY && !features.tracksBySoftDirty()) {
      throw refuse(asked, lackingForSoftDirty(features));
    }
  }

  private static TargetRefusedException refuse(TrackerChoice asked, Feature lacking) {
    return new TargetRefusedException(
        Kind.LACKING,
        "--tracker "
            + asked.label()
            + " is not to be had here: "
            + lacking.name()
            + ": "
            + lacking.reason()
            + "; --tracker auto takes what there is");
  }

  private static Feature lackingForUffdWp(KernelFeatures features) {
    return features.pagemapScan().present() ? features.wpAsync() : features.pagemapScan();
  }

  private static Feature lackingForSoftDirty(KernelFeatures features) {
    return features.softDirty().present() ? features.rawPagemap() : features.softDirty();
  }

  /** {@return what a run by this tracker does to the target} */
  public String cost() {
    return switch (tracker) {
      case UFFD_WP -> "the kernel reports writes to private memory, nobody is frozen";
      case SOFT_DIRTY ->
          "all threads stand still each round while written pages are listed (some 15 ms per GiB"
              + " in memory), not while they are copied";
      case COMPARE, AUTO ->
          "nobody is frozen in live rounds, but each round and the final freeze read all private"
              + " memory";
    };
  }

  /** {@return the tracker, what it does and why it is the one, for the operator} */
  public String description() {
    return tracker == TrackerChoice.UFFD_WP
        ? tracker.label() + ": " + cost()
        : tracker.label() + ": " + cost() + "; " + reason;
  }
}
