package io.predump.linux.ptrace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.predump.linux.LibC;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.proc.ProcStatus;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class WaitingPlaceTest {
  private static final int PROCESSORS = Runtime.getRuntime().availableProcessors();

  @BeforeEach
  void thereIsAChoice() {
    assumeTrue(PROCESSORS > 1, "needs two processors");
  }

  private static int here() throws SyscallException {
    int tid = (int) LibC.syscall(LibC.SYS_GETTID, 0, 0, 0, 0, 0, 0);
    return ProcStatus.threadProcessor(new Pid((int) ProcessHandle.current().pid()), tid);
  }

  /** The processors this thread may run on, as the kernel writes them. */
  private static String allowed() throws IOException {
    return Files.readAllLines(Path.of("/proc/thread-self/status")).stream()
        .filter(line -> line.startsWith("Cpus_allowed_list:"))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void aSleepingTraceeIsWaitedForOnItsProcessor() throws Exception {
    String before = allowed();
    int processor = here();
    int taken = 0;
    for (int i = 0; i < 200 && taken == 0; i++) {
      try (WaitingPlace place = WaitingPlace.choose(2, PROCESSORS, processor, 'S')) {
        if (place.equals(WaitingPlace.ANYWHERE)) {
          assertThat(allowed()).as("a stranger was there").isEqualTo(before);
          Thread.sleep(20);
        } else {
          assertThat(here()).isEqualTo(processor);
          assertThat(allowed()).endsWith("\t" + processor);
          assertThat(place.spinNanos()).as("it needs this processor").isZero();
          taken++;
        }
      }
      assertThat(allowed()).isEqualTo(before);
    }
    assumeTrue(taken > 0, "skipped: strangers were on the processor all the time");
  }

  @Test
  void whatDoesNotStopSoonIsWaitedForAnywhere() throws IOException {
    String before = allowed();
    try (WaitingPlace place = WaitingPlace.choose(2, PROCESSORS, here(), 'R')) {
      assertThat(allowed()).isNotEqualTo(before);
      place.leave();
      assertThat(allowed()).isEqualTo(before);
    }
    assertThat(allowed()).isEqualTo(before);
  }

  @Test
  void aRunningTraceeIsWaitedForElsewhere() throws IOException {
    String before = allowed();
    int processor = here();
    try (WaitingPlace place = WaitingPlace.choose(2, PROCESSORS, processor, 'R')) {
      assertThat(here()).isNotEqualTo(processor);
      assertThat(place.spinNanos()).isPositive();
    }
    assertThat(allowed()).isEqualTo(before);
  }

  @Test
  void onACrowdedMachineTheSchedulerPlacesUs() throws IOException {
    String before = allowed();
    for (char state : new char[] {'S', 'R'}) {
      try (WaitingPlace place = WaitingPlace.choose(PROCESSORS + 1, PROCESSORS, here(), state)) {
        assertThat(place).isSameAs(WaitingPlace.ANYWHERE);
        assertThat(allowed()).isEqualTo(before);
      }
    }
  }

  @Test
  void whatCannotBeFoundOutLeavesUsWhereWeAre() throws IOException {
    String before = allowed();
    assertThat(WaitingPlace.choose(new Pid(Integer.MAX_VALUE), Integer.MAX_VALUE))
        .isSameAs(WaitingPlace.ANYWHERE);
    try (WaitingPlace place = WaitingPlace.choose(2, PROCESSORS, 100_000, 'S')) {
      assertThat(place).isSameAs(WaitingPlace.ANYWHERE);
      assertThat(allowed()).isEqualTo(before);
    }
  }
}
