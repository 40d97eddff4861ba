package io.predump.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class UnitsTest {
  @ParameterizedTest
  @CsvSource({
    "0, 0 B",
    "1023, 1023 B",
    "1024, 1.0 KiB",
    "12897485, 12.3 MiB",
    "1048575, 1.0 MiB",
    "1073741823, 1.0 GiB",
    "9223372036854775807, 8.0 EiB"
  })
  void bytesUseBinaryUnitsAndNeverShow1024OfAny(long bytes, String text) {
    assertThat(Units.bytes(bytes)).isEqualTo(text);
  }

  @ParameterizedTest
  @CsvSource({
    "-1, -",
    "0, 0 µs",
    "850, 850 µs",
    "1000, 1.0 ms",
    "12345, 12.3 ms",
    "999949, 999.9 ms",
    "999950, 1.0 s",
    "1234567, 1.2 s",
    "125000000, 2 min 5 s",
    "59999999, 1 min 0 s"
  })
  void timesPickTheUnitThatReadsBest(long micros, String text) {
    assertThat(Units.micros(micros)).isEqualTo(text);
  }

  @Test
  void numbersDoNotDependOnTheLocale() {
    Locale before = Locale.getDefault();
    Locale.setDefault(Locale.GERMANY);
    try {
      assertThat(Units.count(1_234_567)).isEqualTo("1,234,567");
      assertThat(Units.count(1, "page")).isEqualTo("1 page");
      assertThat(Units.count(1234, "page")).isEqualTo("1,234 pages");
      assertThat(Units.bytes(1536)).isEqualTo("1.5 KiB");
      assertThat(Units.ratio(2.391)).isEqualTo("2.39");
    } finally {
      Locale.setDefault(before);
    }
  }

  @Test
  void addressesAreUnsignedHexadecimal() {
    assertThat(Units.address(0xffffffffff600000L)).isEqualTo("0xffffffffff600000");
  }
}
