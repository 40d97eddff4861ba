package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class ClosingTest {
  private final List<String> closed = new ArrayList<>();

  @Test
  void oneThatFailsKeepsNoOtherFromBeingClosed() {
    assertThatThrownBy(
            () -> Closing.all(List.of(good("a"), bad("b"), good("c"), bad("d"), good("e"))))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("closing failed: b")
        .satisfies(e -> assertThat(e.getCause().getSuppressed()).hasSize(1));
    assertThat(closed).containsExactly("a", "b", "c", "d", "e");
  }

  @Test
  void nothingIsThrownIfNothingFails() {
    Closing.all(List.of(good("a"), good("b")));
    assertThat(closed).containsExactly("a", "b");
  }

  private AutoCloseable good(String name) {
    return () -> closed.add(name);
  }

  private AutoCloseable bad(String name) {
    return () -> {
      closed.add(name);
      throw new IllegalArgumentException(name);
    };
  }
}
