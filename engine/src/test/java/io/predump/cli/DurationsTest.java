package io.predump.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DurationsTest {
  @ParameterizedTest
  @CsvSource({
    "20ms, PT0.02S",
    "1.5s, PT1.5S",
    "2m, PT2M",
    "250us, PT0.00025S",
    "1h, PT1H",
    "0, PT0S",
    "0ms, PT0S",
    "0.0000001ms, PT0S"
  })
  void parsesANumberWithAUnit(String text, String duration) {
    assertThat(Durations.parse(text)).isEqualTo(Duration.parse(duration));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "20", "ms", "-1s", "1 s", "1.s", ".5s", "1e3s", "20MS", "5d", "PT1S"})
  void refusesAnythingElse(String text) {
    assertThatThrownBy(() -> Durations.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "not a duration: " + text + " (a number with us, ms, s, m or h, such as 20ms or 1.5s)");
  }

  @Test
  void refusesWhatDoesNotFit() {
    assertThatThrownBy(() -> Durations.parse("999999999h"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("too long a duration: 999999999h");
  }
}
