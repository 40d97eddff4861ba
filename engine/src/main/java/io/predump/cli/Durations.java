package io.predump.cli;

import java.math.BigDecimal;
import java.time.Duration;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Durations of the command line: a number and a unit, {@code 20ms}, {@code 1.5s}, {@code 2m}. */
final class Durations {
  private static final Pattern FORM =
      Pattern.compile("([0-9]{1,9}(?:\\.[0-9]{1,9})?)(us|ms|s|m|h)");
  private static final Map<String, Long> NANOS =
      Map.of(
          "us", 1_000L,
          "ms", 1_000_000L,
          "s", 1_000_000_000L,
          "m", 60_000_000_000L,
          "h", 3_600_000_000_000L);

  private Durations() {}

  /**
   * Parses a duration.
   *
   * @throws IllegalArgumentException if it is not a number with one of the units us, ms, s, m, h,
   *     or exceeds 292 years
   */
  static Duration parse(String text) {
    Matcher m = FORM.matcher(text.strip());
    if (text.strip().equals("0")) {
      return Duration.ZERO;
    }
    Long nanos = m.matches() ? NANOS.get(m.group(2)) : null;
    if (nanos == null) {
      throw new IllegalArgumentException(
          "not a duration: " + text + " (a number with us, ms, s, m or h, such as 20ms or 1.5s)");
    }
    try {
      return Duration.ofNanos(
          new BigDecimal(m.group(1))
              .multiply(BigDecimal.valueOf(nanos))
              .toBigInteger()
              .longValueExact());
    } catch (ArithmeticException e) {
      throw new IllegalArgumentException("too long a duration: " + text, e);
    }
  }
}
