package io.predump.junit;

import io.predump.engine.VerifyResult;
import io.predump.engine.VerifyResult.Difference;
import java.nio.file.Path;
import java.util.Locale;
import org.opentest4j.AssertionFailedError;

/** A comparison as the message of a failed test: every difference with mapping, page and round. */
final class MemoryDifferences {
  private MemoryDifferences() {}

  /**
   * Fails if pages differ, or none was compared.
   *
   * @param memory whose memory, for the message
   */
  static void requireNone(Path images, String memory, VerifyResult result) {
    if (result.compared() == 0) {
      throw new AssertionFailedError("no page of " + memory + " was compared with " + images);
    }
    if (result.different() > 0) {
      throw new AssertionFailedError(describe(images, memory, result));
    }
  }

  static String describe(Path images, String memory, VerifyResult result) {
    StringBuilder text = new StringBuilder();
    text.append(
        String.format(
            Locale.ROOT,
            "%,d of %,d pages in %s are not what the memory of %s holds:",
            result.different(),
            result.compared(),
            images,
            memory));
    for (Difference difference : result.firstDifferences()) {
      text.append("\n  ").append(describe(difference));
    }
    long more = result.different() - result.firstDifferences().size();
    if (more > 0) {
      text.append(String.format(Locale.ROOT, "\n  and %,d more", more));
    }
    return text.toString();
  }

  private static String describe(Difference difference) {
    return String.format(
        "page 0x%x of VMA %s: %s",
        difference.address(),
        difference.vma(),
        switch (difference.kind()) {
          case LOST -> "no round holds it, and it is not empty";
          case STALE -> held(difference) + " holds other bytes";
          case EXTRA -> held(difference) + " holds it, and nothing is there";
        });
  }

  private static String held(Difference difference) {
    return String.format("round %04d", difference.round());
  }
}
