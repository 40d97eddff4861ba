package io.predump.cli;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Locale;

/** Quantities as people read them, the same in every locale. */
final class Units {
  private static final List<String> BINARY = List.of("KiB", "MiB", "GiB", "TiB", "PiB", "EiB");

  /** What stands where there is nothing to say. */
  static final String NOTHING = "-";

  private Units() {}

  /** {@return bytes as {@code 512 B} or {@code 12.3 MiB}} */
  static String bytes(long bytes) {
    if (bytes < 1024) {
      return bytes + " B";
    }
    double value = bytes / 1024.0;
    int unit = 0;
    // 1023.95 would be printed as 1024.0
    while (value >= 1023.95 && unit < BINARY.size() - 1) {
      value /= 1024;
      unit++;
    }
    return String.format(Locale.ROOT, "%.1f %s", value, BINARY.get(unit));
  }

  /** {@return a rate as {@code 12.3 MiB/s}} */
  static String rate(long bytesPerSecond) {
    return bytes(bytesPerSecond) + "/s";
  }

  /** {@return a number as {@code 1,234}} */
  static String count(long number) {
    return String.format(Locale.ROOT, "%,d", number);
  }

  /** {@return a number with its noun as {@code 1 page} or {@code 1,234 pages}} */
  static String count(long number, String singular) {
    return count(number) + " " + (number == 1 ? singular : singular + "s");
  }

  /**
   * {@return a time as {@code 850 µs}, {@code 12.3 ms}, {@code 1.2 s} or {@code 2 min 5 s}; {@code
   * -} if negative, which means unknown}
   */
  static String micros(long micros) {
    if (micros < 0) {
      return NOTHING;
    }
    if (micros < 1000) {
      return micros + " µs";
    }
    if (micros < 999_950) {
      return String.format(Locale.ROOT, "%.1f ms", micros / 1e3);
    }
    if (micros < 59_950_000) {
      return String.format(Locale.ROOT, "%.1f s", micros / 1e6);
    }
    long seconds = Math.round(micros / 1e6);
    return seconds / 60 + " min " + seconds % 60 + " s";
  }

  /** {@return a ratio as {@code 2.39}} */
  static String ratio(double ratio) {
    return String.format(Locale.ROOT, "%.2f", ratio);
  }

  /** {@return an address as {@code 0x7fff4253d000}} */
  static String address(long address) {
    return "0x" + Long.toHexString(address);
  }

  /** {@return an instant as {@code 2026-11-23T01:02:57Z}} */
  static String instant(long unixMillis) {
    return Instant.ofEpochMilli(unixMillis).truncatedTo(ChronoUnit.SECONDS).toString();
  }
}
