package io.predump.engine;

import java.util.List;

/**
 * How much a target writes within a time: {@code W(t) = H(1 − e^(−t/τ)) + d·t}, a hot set of H
 * bytes that is written over and over, nearly all of it within a few τ, and a drift through memory
 * not written before. A page counts once per window, so W says what a round that follows another
 * after t finds, and a rate without its window means nothing.
 *
 * @param hotBytes H
 * @param tauSeconds τ; 0 if nothing is hot
 * @param driftBytesPerSecond d
 */
public record WriteCurve(double hotBytes, double tauSeconds, double driftBytesPerSecond) {
  private static final double SHORTEST_TAU = 0.005;
  private static final double LONGEST_TAU = 30;
  private static final int STEPS = 400;

  /**
   * One observation.
   *
   * @param seconds how long the window was
   * @param writtenBytes 4096 × pages written at least once within it
   */
  public record Window(double seconds, long writtenBytes) {
    /** {@return the rate of just this window} */
    public double bytesPerSecond() {
      return writtenBytes / seconds;
    }
  }

  /** {@return bytes written at least once within a time} */
  public double bytesWithin(double seconds) {
    double hot = tauSeconds == 0 ? 0 : hotBytes * -Math.expm1(-seconds / tauSeconds);
    return hot + driftBytesPerSecond * seconds;
  }

  /**
   * {@return the curve of least relative error} For each τ of a fine grid H and d follow by linear
   * least squares; neither may be negative.
   */
  static WriteCurve fit(List<Window> windows) {
    WriteCurve best = new WriteCurve(0, 0, 0);
    double least = error(best, windows);
    for (int i = 0; i <= STEPS; i++) {
      double tau = SHORTEST_TAU * Math.pow(LONGEST_TAU / SHORTEST_TAU, (double) i / STEPS);
      WriteCurve curve = fit(windows, tau);
      double error = error(curve, windows);
      if (error < least - 1e-12) {
        least = error;
        best = curve;
      }
    }
    return best;
  }

  private static WriteCurve fit(List<Window> windows, double tau) {
    double aa = 0;
    double ab = 0;
    double bb = 0;
    double ay = 0;
    double by = 0;
    for (Window window : windows) {
      double weight = 1 / square(scale(window));
      double a = -Math.expm1(-window.seconds / tau);
      double b = window.seconds;
      aa += weight * a * a;
      ab += weight * a * b;
      bb += weight * b * b;
      ay += weight * a * window.writtenBytes;
      by += weight * b * window.writtenBytes;
    }
    double determinant = aa * bb - ab * ab;
    double hot = determinant <= 1e-9 * aa * bb ? -1 : (ay * bb - by * ab) / determinant;
    double drift = determinant <= 1e-9 * aa * bb ? 0 : (by * aa - ay * ab) / determinant;
    if (drift < 0) {
      return new WriteCurve(ay / aa, tau, 0);
    }
    return hot <= 0 ? new WriteCurve(0, 0, by / bb) : new WriteCurve(hot, tau, drift);
  }

  private static double error(WriteCurve curve, List<Window> windows) {
    return windows.stream()
        .mapToDouble(w -> square((curve.bytesWithin(w.seconds) - w.writtenBytes) / scale(w)))
        .sum();
  }

  /** Relative error, but a handful of pages more or less is noise. */
  private static double scale(Window window) {
    return window.writtenBytes + 16.0 * PageTable.PAGE_BYTES;
  }

  private static double square(double x) {
    return x * x;
  }
}
