package io.predump.linux.ptrace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.predump.linux.NativeBuffer;
import io.predump.linux.mem.ProcessMemory;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.testkit.CProgram;
import io.predump.linux.testkit.LiveTarget;
import io.predump.linux.testkit.Slowness;
import io.predump.linux.testkit.TestCgroup;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.Arrays;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class FreezerIT {
  private static final Duration TIMEOUT = Slowness.times(Duration.ofSeconds(5));

  private static LiveTarget awkward(String... arguments) throws IOException {
    return LiveTarget.start(CProgram.resource(LiveTarget.class, "awkward.c"), arguments);
  }

  private static long[] counters(LiveTarget target, long address, int count) throws IOException {
    try (ProcessMemory memory = ProcessMemory.open(target.pid());
        NativeBuffer local = NativeBuffer.allocate(count * 8L)) {
      memory.pread(local.address(), count * 8L, address);
      long[] counters = new long[count];
      local.bytes().asLongBuffer().get(counters);
      return counters;
    }
  }

  private static void printMicros(String what, long nanos) {
    System.out.println("freeze, " + what + ": " + nanos / 1000 + " us");
  }

  @ParameterizedTest
  @CsvSource({"threads,1", "threads,8", "slow-threads,100", "threads,100"})
  void everyThreadStandsAndGoesOn(String mode, int threads) throws IOException {
    try (LiveTarget target = awkward(mode, "" + threads)) {
      long address = Long.parseUnsignedLong(target.nextLine(), 16);
      LiveTarget.pause(50);
      long[] frozen;
      long start = System.nanoTime();
      try (Freezer freezer = Freezer.freeze(target.pid(), TIMEOUT)) {
        printMicros(
            mode + " " + threads + ", first", System.nanoTime() - freezer.frozenSinceNanos());
        assertThat(freezer.frozenSinceNanos()).isGreaterThan(start);
        assertThat(freezer.threadCount()).isEqualTo(threads + 1);
        frozen = counters(target, address, threads);
        LiveTarget.pause(50);
        assertThat(counters(target, address, threads)).isEqualTo(frozen);
      }
      long deadline = System.nanoTime() + 10_000_000_000L;
      boolean all = false;
      while (!all && System.nanoTime() < deadline) {
        LiveTarget.pause(20);
        long[] now = counters(target, address, threads);
        all = true;
        for (int i = 0; i < threads; i++) {
          all &= now[i] > frozen[i];
        }
      }
      assertThat(all).as("every thread counts again").isTrue();
      long[] nanos = new long[15];
      for (int i = 0; i < nanos.length; i++) {
        try (Freezer freezer = Freezer.freeze(target.pid(), TIMEOUT)) {
          nanos[i] = System.nanoTime() - freezer.frozenSinceNanos();
        }
        LiveTarget.pause(5);
      }
      Arrays.sort(nanos);
      printMicros(mode + " " + threads + ", median of 15", nanos[7]);
      assertThat(ProcStatus.read(target.pid()).tracerPid()).isZero();
    }
  }

  @Test
  @Tag("linux-6.1")
  @Tag("linux-6.12")
  void threadsBornAndDyingMeanwhileAreCaught() throws IOException {
    try (LiveTarget target = awkward("births", "4")) {
      long address = Long.parseUnsignedLong(target.nextLine(), 16);
      for (int i = 0; i < 30; i++) {
        try (Freezer freezer = Freezer.freeze(target.pid(), TIMEOUT)) {
          assertThat(freezer.threadCount()).isGreaterThanOrEqualTo(5);
          long frozen = counters(target, address, 1)[0];
          LiveTarget.pause(5);
          assertThat(counters(target, address, 1)[0]).isEqualTo(frozen);
        }
        LiveTarget.pause(2);
      }
      assertThat(target.isAlive()).isTrue();
    }
  }

  @Test
  @Tag("linux-6.1")
  @Tag("linux-6.12")
  void aStoppedProcessStaysStopped() throws IOException {
    try (LiveTarget target = awkward("slow-threads", "3")) {
      target.nextLine();
      target.signal(19);
      LiveTarget.pause(50);
      try (Freezer freezer = Freezer.freeze(target.pid(), TIMEOUT)) {
        assertThat(freezer.threadCount()).isEqualTo(4);
      }
      LiveTarget.pause(50);
      for (int tid : ProcStatus.threads(target.pid())) {
        assertThat(ProcStatus.threadState(target.pid(), tid)).isEqualTo('T');
      }
    }
  }

  @Test
  void signalsSentWhileFrozenArriveAfterwards() throws IOException {
    try (LiveTarget target = awkward("slow-threads", "3")) {
      target.nextLine();
      try (Freezer freezer = Freezer.freeze(target.pid(), TIMEOUT)) {
        target.signal(15);
        LiveTarget.pause(50);
        assertThat(target.isAlive()).isTrue();
        assertThat(freezer.threadCount()).isEqualTo(4);
      }
      LiveTarget.pause(200);
      assertThat(target.isAlive()).isFalse();
    }
  }

  @Test
  void aKilledTargetLeavesNothingToThaw() throws IOException {
    try (LiveTarget target = awkward("slow-threads", "3")) {
      target.nextLine();
      Freezer freezer = Freezer.freeze(target.pid(), TIMEOUT);
      target.signal(9);
      LiveTarget.pause(50);
      freezer.thaw();
      freezer.close();
      assertThat(target.isAlive()).isFalse();
    }
  }

  @Test
  void aDeadMainThreadIsLeftOut() throws IOException {
    try (LiveTarget target = awkward("dead-leader")) {
      target.nextLine();
      LiveTarget.pause(50);
      try (Freezer freezer = Freezer.freeze(target.pid(), TIMEOUT)) {
        assertThat(freezer.threadCount()).isEqualTo(1);
      }
    }
  }

  /** Whether its child ends before, in, or after the freeze. */
  @ParameterizedTest
  @ValueSource(ints = {120, 250, 2000})
  void aThreadThatWaitsForItsVforkedChildCountsAsStanding(int childMillis) throws IOException {
    try (LiveTarget target = awkward("vfork", "" + childMillis)) {
      assertThat(target.nextLine()).isEqualTo("ready");
      LiveTarget.pause(100);
      try (Freezer freezer = Freezer.freeze(target.pid(), TIMEOUT)) {
        assertThat(freezer.threadCount()).isEqualTo(2);
        LiveTarget.pause(200);
        assertThat(Files.readString(target.output())).as("it stands").isEqualTo("ready\n");
      }
      assertThat(ProcStatus.read(target.pid()).tracerPid()).isZero();
      assertThat(target.nextLine()).startsWith("7 0 ");
    }
  }

  @Test
  void aThreadThatDoesNotStopIsNamedAndEverythingRunsOn() throws IOException {
    try (LiveTarget target = awkward("slow-threads", "2");
        TestCgroup stuck = TestCgroup.make(1)) {
      long address = Long.parseUnsignedLong(target.nextLine(), 16);
      LiveTarget.pause(100);
      int thread = ProcStatus.threads(target.pid()).get(1);
      // Frozen there alone it sleeps in a state in which ptrace cannot stop it.
      stuck.addThread(thread);
      stuck.freeze();
      LiveTarget.pause(100);

      assertThatThrownBy(() -> Freezer.freeze(target.pid(), Duration.ofMillis(200)))
          .isInstanceOf(TraceException.class)
          .hasMessage("freeze " + target.pid() + ": thread " + thread + " does not stop, state D");
      assertThat(ProcStatus.read(target.pid()).tracerPid()).isZero();
      long before = counters(target, address, 2)[1];
      LiveTarget.pause(100);
      assertThat(counters(target, address, 2)[1]).as("the other one").isGreaterThan(before);
    }
  }
}
