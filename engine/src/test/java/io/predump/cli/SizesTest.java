package io.predump.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SizesTest {
  @ParameterizedTest
  @CsvSource({
    "4096, 4096",
    "1B, 1",
    "2k, 2048",
    "512MiB, 536870912",
    "1.5GiB, 1610612736",
    "1T, 1099511627776"
  })
  void readsBytesWithAndWithoutAUnit(String text, long bytes) {
    assertThat(Sizes.parse(text)).isEqualTo(bytes);
    assertThat(Sizes.parseRate(text + "/s")).isEqualTo(bytes);
    assertThat(Sizes.parseRate(text)).isEqualTo(bytes);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "0", "-1", "MiB", "1 MiB", "1MBit", "1/s", "1e9"})
  void refusesWhatIsNoPositiveSize(String text) {
    assertThatThrownBy(() -> Sizes.parse(text))
        .hasMessage(
            "not a size: "
                + text
                + " (a positive number with KiB, MiB, GiB or TiB, such as 512MiB)");
  }

  @Test
  void refusesMoreThanALongHolds() {
    assertThatThrownBy(() -> Sizes.parse("99999999T")).hasMessage("too large a size: 99999999T");
  }
}
