package io.predump.linux.proc;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.linux.SyscallException;
import org.junit.jupiter.api.Test;

class MachineTest {
  @Test
  void runnableThreadsAreTheFourthFieldsFirstNumber() {
    assertThat(Machine.runnableThreads("0.20 0.18 0.12 3/215 11206\n")).isEqualTo(3);
  }

  @Test
  void processorsAreCountedInLists() throws SyscallException {
    assertThat(Machine.countOf("0")).isEqualTo(1);
    assertThat(Machine.countOf("0-3,6,8-9")).isEqualTo(7);
    assertThat(Machine.onlineProcessors())
        .isGreaterThanOrEqualTo(Runtime.getRuntime().availableProcessors());
  }

  @Test
  void whoAsksRunsItself() throws SyscallException {
    assertThat(Machine.runnableThreads()).isPositive();
  }
}
