package io.predump.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What one run of {@code redis-benchmark} measured: means of SET and GET, of values of 1 KiB at
 * random keys, 50 clients.
 */
record RedisLoad(double perSecond, double p50Millis, double p99Millis, double p999Millis) {
  /** Its output begins a part for each command with such a line. */
  private static final Pattern PART = Pattern.compile("(?m)^ *====== ");

  private static final Pattern RATE = Pattern.compile("throughput summary: ([0-9.]+) requests");

  /** Minimum, p50, p95, p99 and maximum follow the average. */
  private static final Pattern SUMMARY =
      Pattern.compile("max\\s+[0-9.]+\\s+[0-9.]+\\s+([0-9.]+)\\s+[0-9.]+\\s+([0-9.]+)");

  private static final Pattern PERCENTILE = Pattern.compile("(?m)^([0-9.]+)% <= ([0-9.]+) ");

  /**
   * Loads a server.
   *
   * @param socket its socket
   * @param keys how many there are
   * @param pipeline requests a client sends at once
   * @param requests of each command
   */
  static RedisLoad run(Path socket, int keys, int pipeline, int requests) throws IOException {
    List<String> command =
        new ArrayList<>(List.of("redis-benchmark", "-s", socket.toString(), "-t", "set,get"));
    command.addAll(List.of("-d", "1024", "-r", String.valueOf(keys), "-c", "50"));
    command.addAll(List.of("-n", String.valueOf(requests), "-P", String.valueOf(pipeline)));
    return parse(Commands.run(command).output());
  }

  static RedisLoad parse(String output) throws IOException {
    Samples rates = new Samples();
    Samples p50 = new Samples();
    Samples p99 = new Samples();
    Samples p999 = new Samples();
    String[] parts = PART.split(output, -1);
    for (int i = 1; i < parts.length; i++) {
      Matcher rate = find(RATE, parts[i]);
      Matcher summary = find(SUMMARY, parts[i]);
      rates.add(Double.parseDouble(rate.group(1)));
      p50.add(Double.parseDouble(summary.group(1)));
      p99.add(Double.parseDouble(summary.group(2)));
      p999.add(percentile(parts[i], 99.9));
    }
    if (rates.count() == 0) {
      throw new IOException("redis-benchmark printed no figures");
    }
    return new RedisLoad(rates.median(), p50.median(), p99.median(), p999.median());
  }

  private static Matcher find(Pattern pattern, String text) throws IOException {
    Matcher found = pattern.matcher(text);
    if (!found.find()) {
      throw new IOException("redis-benchmark printed no " + pattern + ":\n" + text);
    }
    return found;
  }

  /** {@return the first latency that so many percent of the requests do not exceed} */
  private static double percentile(String part, double percent) throws IOException {
    Matcher line = PERCENTILE.matcher(part);
    while (line.find()) {
      if (Double.parseDouble(line.group(1)) >= percent) {
        return Double.parseDouble(line.group(2));
      }
    }
    throw new IOException("redis-benchmark printed no distribution:\n" + part);
  }
}
