package io.predump.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Locale;
import org.junit.jupiter.api.Test;

final class RedisLoadTest {
  private static String part(String command, int perSecond, double factor) {
    return String.format(
        Locale.ROOT,
        """
        \r
        ====== %s ======
          20000 requests completed in 0.12 seconds

        Latency by percentile distribution:
        0.000%% <= 0.063 milliseconds (cumulative count 2)
        99.805%% <= 0.543 milliseconds (cumulative count 19962)
        99.902%% <= %.3f milliseconds (cumulative count 19981)
        100.000%% <= 0.991 milliseconds (cumulative count 20000)

        Cumulative distribution of latencies:
        99.945%% <= 0.807 milliseconds (cumulative count 19989)

        Summary:
          throughput summary: %d.22 requests per second
          latency summary (msec):
                  avg       min       p50       p95       p99       max
                0.166     0.056     %.3f     0.279     %.3f     0.991
        """,
        command,
        2 * factor,
        perSecond,
        0.5 * factor,
        1 * factor);
  }

  @Test
  void theFiguresAreMeansOfBothCommands() throws IOException {
    RedisLoad load = RedisLoad.parse(part("SET", 100, 1) + part("GET", 200, 2));

    assertThat(load).isEqualTo(new RedisLoad(150.22, 0.75, 1.5, 3));
  }

  @Test
  void outputWithoutFiguresIsAnError() {
    assertThatThrownBy(() -> RedisLoad.parse("Could not connect to Redis"))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("no figures");
    assertThatThrownBy(() -> RedisLoad.parse("====== SET ======\nnothing"))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("throughput");
  }
}
