package io.predump.bench;

import static io.predump.bench.Setting.text;

import java.util.ArrayList;
import java.util.List;

/**
 * Horizontal bars with their figures as an SVG, in groups; the axis is logarithmic if asked for.
 */
final class BarChart {
  private static final int WIDTH = 720;
  private static final int LEFT = 210;
  private static final int RIGHT = 150;
  private static final int TOP = 44;
  private static final int BAR = 18;
  private static final int GAP = 10;
  private static final List<String> COLOURS = List.of("#1a5fb4", "#9aa0a6");

  private final String title;
  private final boolean logarithmic;
  private final List<Bar> bars = new ArrayList<>();

  /** One bar; a new group begins where {@code group} differs from the bar before. */
  private record Bar(String group, String name, double value, String figure, int colour) {}

  BarChart(String title, boolean logarithmic) {
    this.title = title;
    this.logarithmic = logarithmic;
  }

  /**
   * Adds a bar below the others.
   *
   * @param colour 0 for ours, 1 for what it is compared with
   */
  void add(String group, String name, double value, String figure, int colour) {
    bars.add(new Bar(group, name, value, figure, colour));
  }

  boolean isEmpty() {
    return bars.isEmpty();
  }

  String svg() {
    StringBuilder rows = new StringBuilder();
    double y = TOP;
    String group = bars.isEmpty() ? "" : bars.get(0).group();
    for (Bar bar : bars) {
      if (!bar.group().equals(group)) {
        y += GAP;
        group = bar.group();
      }
      double length = length(bar.value());
      rows.append(label(LEFT - 8, y + BAR - 5, "end", bar.group() + " " + bar.name()));
      rows.append(
          text(
              "<rect x=\"%d\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>%n",
              LEFT, y, length, BAR - 3, COLOURS.get(bar.colour())));
      rows.append(label(LEFT + length + 6, y + BAR - 5, "start", bar.figure()));
      y += BAR;
    }
    int height = (int) y + GAP;
    return text(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\""
                + " font-family=\"sans-serif\" font-size=\"12\">%n",
            WIDTH, height)
        + text("<rect width=\"%d\" height=\"%d\" fill=\"white\"/>%n", WIDTH, height)
        + label(WIDTH / 2.0, 22, "middle", title)
        + rows
        + "</svg>\n";
  }

  private double length(double value) {
    double most = bars.stream().mapToDouble(Bar::value).max().orElse(1);
    double least = bars.stream().mapToDouble(Bar::value).min().orElse(1);
    double part =
        logarithmic ? 0.05 + 0.95 * Math.log(value / least) / Math.log(most / least) : value / most;
    return Math.max(1, part * (WIDTH - LEFT - RIGHT));
  }

  private static String label(double x, double y, String anchor, String words) {
    return text("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>%n", x, y, anchor, words);
  }
}
