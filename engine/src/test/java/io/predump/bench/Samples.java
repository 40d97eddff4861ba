package io.predump.bench;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** What was measured, in the order it was measured. */
final class Samples {
  private final List<Double> values = new ArrayList<>();

  void add(double value) {
    values.add(value);
  }

  void add(long value) {
    values.add((double) value);
  }

  /** {@return the middle value, or the mean of the two in the middle; NaN of nothing} */
  double median() {
    if (values.isEmpty()) {
      return Double.NaN;
    }
    List<Double> sorted = new ArrayList<>(values);
    Collections.sort(sorted);
    int middle = sorted.size() / 2;
    return sorted.size() % 2 == 1
        ? sorted.get(middle)
        : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
  }

  /** {@return the largest value} */
  double max() {
    return values.stream().mapToDouble(v -> v).max().orElse(Double.NaN);
  }

  int count() {
    return values.size();
  }

  /** {@return each value divided by the one measured next to it in {@code others}} */
  Samples over(Samples others) {
    Samples ratios = new Samples();
    for (int i = 0; i < Math.min(values.size(), others.values.size()); i++) {
      ratios.add(values.get(i) / others.values.get(i));
    }
    return ratios;
  }

  List<Double> values() {
    return List.copyOf(values);
  }
}
