package io.predump.cli;

import io.predump.engine.SessionOptions;
import io.predump.engine.TrackerChoice;
import java.time.Duration;
import java.util.function.Function;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** What options are made of; picocli reports what a converter throws with the option's name. */
final class Converters {
  static final ITypeConverter<Duration> DURATION = of(Durations::parse);
  static final ITypeConverter<Long> SIZE = of(Sizes::parse);
  static final ITypeConverter<Long> RATE = of(Sizes::parseRate);
  static final ITypeConverter<TrackerChoice> TRACKER = of(Converters::tracker);

  static final ITypeConverter<Integer> ROUNDS = of(Converters::rounds);

  static final ITypeConverter<Integer> LEVEL = of(Converters::level);

  private Converters() {}

  /** {@return a converter that refuses what the parser throws an IllegalArgumentException at} */
  static <T> ITypeConverter<T> of(Function<String, T> parser) {
    return value -> {
      try {
        return parser.apply(value);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(e.getMessage());
      }
    };
  }

  private static Integer rounds(String value) {
    if (value.equals("none")) {
      return 0;
    }
    try {
      return Integer.parseInt(value);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("not a number of rounds, nor none: " + value, e);
    }
  }

  private static Integer level(String value) {
    if (value.equals("auto")) {
      return SessionOptions.AUTO_LEVEL;
    }
    if (!value.matches("[1-9][0-9]?")) {
      throw new IllegalArgumentException("not a level of 1 to 19, nor auto: " + value);
    }
    return Integer.parseInt(value);
  }

  private static TrackerChoice tracker(String value) {
    for (TrackerChoice choice : TrackerChoice.values()) {
      if (choice.label().equals(value)) {
        return choice;
      }
    }
    throw new IllegalArgumentException("not auto, uffd-wp, soft-dirty or compare: " + value);
  }
}
