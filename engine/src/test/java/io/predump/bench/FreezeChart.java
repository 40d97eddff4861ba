package io.predump.bench;

import static io.predump.bench.Setting.text;

import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Frozen time against memory as an SVG: both axes logarithmic, a line and a label per way, every
 * point with its figure.
 */
final class FreezeChart {
  private static final int WIDTH = 720;
  private static final int HEIGHT = 420;
  private static final int LEFT = 70;
  private static final int RIGHT = 150;
  private static final int TOP = 40;
  private static final int BOTTOM = 60;
  private static final List<String> COLOURS = List.of("#b3261e", "#1a5fb4", "#7a7a7a");
  private static final double LEAST_MILLIS = 10;

  private final Map<String, Map<Integer, Double>> curves;
  private final double mostMillis;
  private final int leastMib;
  private final int mostMib;

  FreezeChart(Map<String, Map<Integer, Double>> curves) {
    this.curves = curves;
    this.mostMillis =
        curves.values().stream()
            .flatMap(c -> c.values().stream())
            .mapToDouble(Double::doubleValue)
            .max()
            .orElse(1000);
    this.leastMib = mib().min().orElse(256);
    this.mostMib = mib().max().orElse(1024);
  }

  private IntStream mib() {
    return curves.values().stream().flatMap(c -> c.keySet().stream()).mapToInt(i -> i);
  }

  String svg() {
    StringBuilder svg = new StringBuilder();
    svg.append(
        text(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\""
                + " font-family=\"sans-serif\" font-size=\"12\">%n",
            WIDTH, HEIGHT));
    svg.append(text("<rect width=\"%d\" height=\"%d\" fill=\"white\"/>%n", WIDTH, HEIGHT));
    label(svg, WIDTH / 2.0, 22, "middle", "#000", "Frozen time of a whole checkpoint");
    for (double millis = LEAST_MILLIS; millis <= 10 * mostMillis; millis *= 10) {
      if (y(millis) >= TOP - 1) {
        line(svg, LEFT, y(millis), WIDTH - RIGHT, y(millis), "#ddd");
        label(svg, LEFT - 8, y(millis) + 4, "end", "#000", text("%.0f ms", millis));
      }
    }
    mib()
        .distinct()
        .forEach(
            m -> {
              line(svg, x(m), TOP, x(m), HEIGHT - BOTTOM, "#eee");
              String size = m < 1024 ? m + " MiB" : m / 1024 + " GiB";
              label(svg, x(m), HEIGHT - BOTTOM + 18, "middle", "#000", size);
            });
    label(svg, (LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 14, "middle", "#000", "private memory");
    int colour = 0;
    for (Map.Entry<String, Map<Integer, Double>> curve : curves.entrySet()) {
      draw(svg, curve.getKey(), curve.getValue(), COLOURS.get(colour++ % COLOURS.size()));
    }
    return svg.append("</svg>\n").toString();
  }

  private void draw(StringBuilder svg, String name, Map<Integer, Double> points, String colour) {
    StringBuilder path = new StringBuilder();
    double lastX = 0;
    double lastY = 0;
    for (Map.Entry<Integer, Double> point : points.entrySet()) {
      lastX = x(point.getKey());
      lastY = y(point.getValue());
      path.append(text("%.1f,%.1f ", lastX, lastY));
      svg.append(
          text("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>%n", lastX, lastY, colour));
      label(svg, lastX, lastY - 7, "middle", colour, text("%.0f", point.getValue()));
    }
    svg.append(
        text(
            "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>%n",
            path.toString().strip(), colour));
    label(svg, lastX + 12, lastY + 4, "start", colour, name);
  }

  private static void line(
      StringBuilder svg, double x1, double y1, double x2, double y2, String colour) {
    svg.append(
        text(
            "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>%n",
            x1, y1, x2, y2, colour));
  }

  private static void label(
      StringBuilder svg, double x, double y, String anchor, String colour, String words) {
    svg.append(
        text(
            "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" fill=\"%s\">%s</text>%n",
            x, y, anchor, colour, words));
  }

  private double x(int mib) {
    double span = Math.log(mostMib) - Math.log(leastMib);
    double part = span == 0 ? 0.5 : (Math.log(mib) - Math.log(leastMib)) / span;
    return LEFT + 20 + part * (WIDTH - LEFT - RIGHT - 40);
  }

  private double y(double millis) {
    double part =
        (Math.log(Math.max(millis, LEAST_MILLIS)) - Math.log(LEAST_MILLIS))
            / (Math.log(mostMillis * 1.3) - Math.log(LEAST_MILLIS));
    return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM);
  }
}
