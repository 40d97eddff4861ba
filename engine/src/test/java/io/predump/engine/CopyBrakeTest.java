package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class CopyBrakeTest {
  @ParameterizedTest(name = "{0} %")
  @CsvSource({"1, 1", "5, 1", "100, 1", "101, 2", "250, 3"})
  void noMoreWorkersThanTheProcessorTimeKeepsBusy(int percent, int workers) {
    CopyBrake brake = new CopyBrake(CopyLimits.NONE.withCpuPercent(percent));

    assertThat(brake.mostWorkers()).isEqualTo(workers);
  }

  @Test
  void withoutABoundAsManyAsThereAre() {
    assertThat(CopyBrake.NONE.mostWorkers()).isEqualTo(Integer.MAX_VALUE);
  }
}
