package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class WriteCurveTest {
  private static final double MIB = 1 << 20;

  private static List<WriteCurve.Window> windowsOf(WriteCurve curve, double noise, long seed) {
    Random random = new Random(seed);
    List<WriteCurve.Window> windows = new ArrayList<>();
    for (double seconds : new double[] {0.1, 0.3, 1, 3}) {
      double factor = 1 + noise * (2 * random.nextDouble() - 1);
      windows.add(new WriteCurve.Window(seconds, Math.round(curve.bytesWithin(seconds) * factor)));
    }
    return windows;
  }

  @ParameterizedTest(name = "H={0} MiB, tau={1} s, d={2} MiB/s")
  @CsvSource({"100, 0.05, 10", "100, 0.5, 0", "400, 1, 50", "10, 0.2, 100", "0, 0, 25"})
  void findsTheCurveThatMadeTheWindows(double hot, double tau, double drift) {
    WriteCurve curve = new WriteCurve(hot * MIB, tau, drift * MIB);
    WriteCurve fitted = WriteCurve.fit(windowsOf(curve, 0, 1));
    for (double seconds : new double[] {0.05, 0.2, 0.6, 2, 5}) {
      double expected = curve.bytesWithin(seconds);
      assertThat(fitted.bytesWithin(seconds))
          .isCloseTo(expected, within(0.08 * expected + MIB / 4));
    }
  }

  @Test
  void aLittleNoiseMakesALittleDifference() {
    WriteCurve curve = new WriteCurve(200 * MIB, 0.3, 20 * MIB);
    for (long seed = 1; seed <= 20; seed++) {
      WriteCurve fitted = WriteCurve.fit(windowsOf(curve, 0.03, seed));
      double expected = curve.bytesWithin(0.5);
      assertThat(fitted.bytesWithin(0.5))
          .as("seed=%d", seed)
          .isCloseTo(expected, within(0.12 * expected));
    }
  }

  @Test
  void neitherPartIsNegativeAndSilenceIsZero() {
    WriteCurve bounded =
        WriteCurve.fit(
            List.of(
                new WriteCurve.Window(0.1, 50 << 20),
                new WriteCurve.Window(0.3, 40 << 20),
                new WriteCurve.Window(1, 45 << 20)));
    assertThat(bounded.driftBytesPerSecond()).isZero();
    assertThat(bounded.hotBytes() / MIB).isBetween(40.0, 50.0);

    WriteCurve silent =
        WriteCurve.fit(List.of(new WriteCurve.Window(0.1, 0), new WriteCurve.Window(3, 0)));
    assertThat(silent).isEqualTo(new WriteCurve(0, 0, 0));
    assertThat(WriteCurve.fit(List.of())).isEqualTo(new WriteCurve(0, 0, 0));
  }

  @Test
  void theWindowsFitTheDuration() {
    assertThat(windows(4400)).containsExactly(100, 300, 1000, 3000);
    assertThat(windows(400)).containsExactly(100, 300);
    assertThat(windows(1500)).containsExactly(100, 300, 1000, 100);
    assertThat(windows(8800)).containsExactly(100, 300, 1000, 3000, 100, 300, 1000, 3000);
    assertThatThrownBy(() -> windows(399))
        .hasMessage(
            "duration=399 ms: at least 400 ms, for a rate means nothing without another window's");
  }

  private static List<Integer> windows(long millis) {
    return new ProbeOptions(Duration.ofMillis(millis), LoopOptions.DEFAULT, OptionalLong.empty())
        .windowsMillis();
  }
}
