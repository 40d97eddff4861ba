package io.predump.engine;

import java.util.function.DoubleUnaryOperator;

/** Targets that exist on paper: each writes by a script that a test can reason about. */
final class ScriptedWrites {
  static final double MIB = 1 << 20;
  static final double GIB = 1 << 30;

  private ScriptedWrites() {}

  /** What a script says of one window; the memory is of constant size. */
  private interface Window {
    double bytes(double from, double to);
  }

  private static RunForecast.Writes of(double memory, Window window) {
    return new RunForecast.Writes() {
      @Override
      public double between(double from, double to) {
        return Math.min(memory, window.bytes(from, to));
      }

      @Override
      public double memory(double at) {
        return memory;
      }
    };
  }

  /** Writes at random places, all of {@code memory} equally likely. */
  static RunForecast.Writes uniform(double memory, double bytesPerSecond) {
    return of(memory, (from, to) -> memory * -Math.expm1(-bytesPerSecond * (to - from) / memory));
  }

  /** Writes {@code hot} bytes over and over, all of it within some tau, and drifts through more. */
  static RunForecast.Writes hotAndDrift(
      double memory, double hot, double tauSeconds, double driftBytesPerSecond) {
    return of(
        memory,
        (from, to) ->
            hot * -Math.expm1(-(to - from) / tauSeconds) + driftBytesPerSecond * (to - from));
  }

  /** Writes {@code bytes} within an instant, every {@code period} seconds from 0 on. */
  static RunForecast.Writes bursts(double memory, double bytes, double period) {
    return of(
        memory, (from, to) -> Math.floor(to / period) > Math.floor(from / period) ? bytes : 0);
  }

  /** Writes new places at a rate that falls to half each {@code halfLife}. */
  static RunForecast.Writes slowing(double memory, double bytesPerSecond, double halfLife) {
    DoubleUnaryOperator sum =
        at -> bytesPerSecond * halfLife / Math.log(2) * (1 - Math.pow(0.5, at / halfLife));
    return of(memory, (from, to) -> sum.applyAsDouble(to) - sum.applyAsDouble(from));
  }

  /** Writes new places at a rate until it stops for good. */
  static RunForecast.Writes stopping(double memory, double bytesPerSecond, double stopsAt) {
    return of(
        memory,
        (from, to) ->
            bytesPerSecond * Math.max(0, Math.min(to, stopsAt) - Math.min(from, stopsAt)));
  }

  /** Maps and fills more and more memory, and never writes what it has filled. */
  static RunForecast.Writes growing(double memory, double bytesPerSecond) {
    return new RunForecast.Writes() {
      @Override
      public double between(double from, double to) {
        return bytesPerSecond * (to - from);
      }

      @Override
      public double memory(double at) {
        return memory + bytesPerSecond * at;
      }
    };
  }
}
