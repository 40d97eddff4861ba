package io.predump.cli;

import java.math.BigDecimal;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Sizes of the command line: a number and a unit, {@code 512MiB}, {@code 1.5GiB}, {@code 4096}. */
final class Sizes {
  private static final Pattern FORM =
      Pattern.compile("([0-9]{1,15}(?:\\.[0-9]{1,9})?)(|b|k|m|g|t|kib|mib|gib|tib)");
  private static final Map<String, Integer> SHIFTS = Map.of("k", 10, "m", 20, "g", 30, "t", 40);

  private Sizes() {}

  /**
   * Parses a number of bytes.
   *
   * @throws IllegalArgumentException if it is not a positive number with one of the units KiB, MiB,
   *     GiB, TiB, their first letters, B or none, or exceeds 8 EiB
   */
  static long parse(String text) {
    Matcher m = FORM.matcher(text.strip().toLowerCase(Locale.ROOT));
    if (!m.matches()) {
      throw refuse(text);
    }
    String unit = m.group(2).replace("ib", "").replace("b", "");
    long bytes;
    try {
      bytes =
          new BigDecimal(m.group(1))
              .multiply(BigDecimal.valueOf(1L << SHIFTS.getOrDefault(unit, 0)))
              .toBigInteger()
              .longValueExact();
    } catch (ArithmeticException e) {
      throw new IllegalArgumentException("too large a size: " + text, e);
    }
    if (bytes <= 0) {
      throw refuse(text);
    }
    return bytes;
  }

  /** Parses bytes per second: a size, with or without {@code /s} behind it. */
  static long parseRate(String text) {
    String size = text.strip();
    return parse(size.endsWith("/s") ? size.substring(0, size.length() - 2) : size);
  }

  private static IllegalArgumentException refuse(String text) {
    return new IllegalArgumentException(
        "not a size: " + text + " (a positive number with KiB, MiB, GiB or TiB, such as 512MiB)");
  }
}
