package io.predump.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.predump.linux.proc.ProcStatus;
import org.junit.jupiter.api.Test;

class ThreadAffinityTest {
  private static int here() throws SyscallException {
    int tid = (int) LibC.syscall(LibC.SYS_GETTID, 0, 0, 0, 0, 0, 0);
    return ProcStatus.threadProcessor(new Pid((int) ProcessHandle.current().pid()), tid);
  }

  @Test
  void theThreadLeavesAndReturns() throws SyscallException {
    assumeTrue(Runtime.getRuntime().availableProcessors() > 1, "needs two processors");
    int first = here();
    int second;
    try (ThreadAffinity off = ThreadAffinity.off(first)) {
      second = here();
      assertThat(off.kept()).isTrue();
      assertThat(second).isNotEqualTo(first);
      try (ThreadAffinity on = ThreadAffinity.on(second)) {
        assertThat(on.kept()).isTrue();
        assertThat(here()).isEqualTo(second);
        try (ThreadAffinity none = ThreadAffinity.off(second)) {
          assertThat(none.kept()).as("no processor would be left").isFalse();
          assertThat(here()).isEqualTo(second);
        }
      }
    }
    try (ThreadAffinity back = ThreadAffinity.on(first)) {
      assertThat(back.kept()).as("the first scope has ended").isTrue();
      assertThat(here()).isEqualTo(first);
    }
  }

  @Test
  void aProcessorThatIsNotOursIsNotTaken() throws SyscallException {
    int here = here();
    try (ThreadAffinity here1 = ThreadAffinity.on(here);
        ThreadAffinity elsewhere = ThreadAffinity.on(here + 1)) {
      assertThat(here1.kept()).isTrue();
      assertThat(elsewhere.kept()).isFalse();
    }
  }
}
