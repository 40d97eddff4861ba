package io.predump.daemon.rpc;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

final class ClientLogTest {
  private long now;
  private final ClientLog log = new ClientLog(() -> now);

  @Test
  void soManyLinesASecondAndTheNextOneSaysHowManyWereLeftOut() {
    for (int i = 0; i < ClientLog.LINES; i++) {
      assertThat(log.take()).isEqualTo(OptionalInt.of(0));
    }
    now = 999_999_999;
    assertThat(log.take()).isEmpty();
    assertThat(log.take()).isEmpty();

    now = 1_000_000_000;
    assertThat(log.take()).isEqualTo(OptionalInt.of(2));
    assertThat(log.take()).isEqualTo(OptionalInt.of(0));
  }
}
