package io.predump.engine;

import static org.assertj.core.api.Assertions.fail;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * A control of {@code ./build vm-test}: it fails, and that must be found out. Nothing else runs it,
 * for its name does not say that it is a test.
 */
@Tag("control")
final class FailsOnPurpose {
  @Test
  void andIsFoundOut() {
    fail("on purpose");
  }
}
