package io.predump.linux.ptrace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.predump.linux.Errno;
import io.predump.linux.KernelFeatures;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.mem.Userfaultfd;
import io.predump.linux.proc.OpenFile;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.testkit.CProgram;
import io.predump.linux.testkit.LiveTarget;
import io.predump.linux.testkit.Slowness;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class UserfaultfdInjectionIT {
  private static final int SIGCONT = 18;
  private static final int SIGSTOP = 19;

  private static LiveTarget awkward(String... arguments) throws IOException {
    return LiveTarget.start(CProgram.resource(LiveTarget.class, "awkward.c"), arguments);
  }

  /** Injects and shows that what came back is a userfaultfd, and nothing stayed behind. */
  private static Injected inject(LiveTarget target) throws IOException {
    List<OpenFile> before = OpenFile.list(target.pid());
    Injected injected = UserfaultfdInjection.inject(target.pid());
    try (Userfaultfd uffd = Userfaultfd.adopt(injected.userfaultfd())) {
      uffd.api();
    }
    assertThat(OpenFile.list(target.pid())).isEqualTo(before);
    assertThat(ProcStatus.read(target.pid()).tracerPid()).isZero();
    assertThat(target.isAlive()).isTrue();
    return injected;
  }

  @ParameterizedTest
  @CsvSource({"nanosleep,0,0", "poll,0,0", "ppoll,0,0", "futex,-1,110"})
  void aBlockedCallKeepsItsResultAndItsTime(String mode, long result, int errno)
      throws IOException {
    try (LiveTarget target = awkward(mode, "700")) {
      assertThat(target.nextLine()).isEqualTo("ready");
      LiveTarget.pause(100);
      for (int i = 0; i < 5; i++) {
        assertThat(inject(target).warnings()).isEmpty();
        LiveTarget.pause(20);
      }
      String[] report = target.nextLine().split(" ", -1);
      assertThat(report[0]).isEqualTo("" + result);
      assertThat(report[1]).isEqualTo("" + errno);
      assertThat(Long.parseLong(report[2])).isBetween(700L, 700 + Slowness.times(200));
      if (mode.equals("ppoll")) {
        assertThat(target.nextLine()).as("the signal mask is the old one").isEqualTo("1 0");
      }
    }
  }

  @Test
  @Tag("linux-6.12")
  void aBlockedReadGoesOn() throws IOException {
    try (LiveTarget target = awkward("read")) {
      assertThat(target.nextLine()).isEqualTo("ready");
      LiveTarget.pause(20);
      inject(target);
      assertThat(target.ask("a")).startsWith("1 0 ");
    }
  }

  @Test
  void aCallThatTheKernelDoesNotRestartIsReported() throws IOException {
    try (LiveTarget target = awkward("epoll", "5000")) {
      assertThat(target.nextLine()).isEqualTo("ready");
      LiveTarget.pause(50);
      Injected injected = inject(target);

      assertThat(injected.warnings())
          .contains("a system call of thread " + target.pid() + " returned EINTR to the target");
      assertThat(target.nextLine()).startsWith("-1 " + Errno.EINTR.number() + " ");
    }
  }

  @Test
  void aBusyThreadGoesOn() throws IOException {
    try (LiveTarget target = awkward("busy", "500")) {
      assertThat(target.nextLine()).isEqualTo("ready");
      for (int i = 0; i < 20; i++) {
        inject(target);
      }
      assertThat(target.nextLine()).startsWith("0 0 ");
    }
  }

  @Test
  void oneThreadOfManyIsStopped() throws IOException {
    try (LiveTarget target = awkward("threads", "8")) {
      target.nextLine();
      for (int i = 0; i < 20; i++) {
        assertThat(inject(target).tid()).isEqualTo(target.pid().number());
      }
    }
  }

  @Test
  void aStoppedProcessStaysStoppedAndContinuesLater() throws IOException {
    try (LiveTarget target = awkward("nanosleep", "400")) {
      assertThat(target.nextLine()).isEqualTo("ready");
      target.signal(SIGSTOP);
      await(target, 'T');
      inject(target);
      await(target, 'T');
      LiveTarget.pause(500);
      assertThat(ProcStatus.read(target.pid()).state()).isEqualTo('T');
      target.signal(SIGCONT);
      assertThat(target.nextLine()).startsWith("0 0 ");
    }
  }

  @Test
  void aFilterThatKillsIsSuspended() throws IOException {
    assumeTrue(
        KernelFeatures.current().suspendSeccomp().present(),
        "skipped: " + KernelFeatures.current().suspendSeccomp());
    try (LiveTarget target = awkward("seccomp", "500")) {
      assertThat(target.nextLine()).isEqualTo("ready");
      assertThat(ProcStatus.read(target.pid()).seccompMode()).isEqualTo(2);
      inject(target);
      assertThat(target.nextLine()).startsWith("0 0 ");
    }
  }

  @Test
  @Tag("linux-6.12")
  void aProcessWhoseMainThreadHasEndedIsInjectedThroughAnother() throws IOException {
    try (LiveTarget target = awkward("dead-leader")) {
      target.nextLine();
      await(target, 'Z');
      Injected injected = UserfaultfdInjection.inject(target.pid());
      injected.userfaultfd().close();

      assertThat(injected.tid()).isNotEqualTo(target.pid().number());
    }
  }

  @Test
  void aMainThreadInVforkIsLeftAndAnotherTaken() throws IOException {
    try (LiveTarget target = awkward("vfork", "1000")) {
      assertThat(target.nextLine()).isEqualTo("ready");
      LiveTarget.pause(100);
      Injected injected = inject(target);

      assertThat(injected.tid()).isNotEqualTo(target.pid().number());
      assertThat(injected.crashSafe()).as("the main thread is held in its call").isTrue();
      assertThat(target.nextLine()).as("and let go").startsWith("7 0 ");
    }
  }

  @Test
  @Tag("linux-6.12")
  void refusalsNameTheReason() throws Exception {
    assertRefused(Pid.self(), TraceException.Reason.SELF, "that is this process");
    assertRefused(
        new Pid(2), TraceException.Reason.KERNEL_THREAD, "a kernel thread, name=kthreadd");

    Process child = new ProcessBuilder("sleep", "20").start();
    try {
      assertRefused(
          new Pid((int) child.pid()),
          TraceException.Reason.OWN_CHILD,
          "a child of this process, whose stops the JVM would swallow");
    } finally {
      child.destroyForcibly();
      child.waitFor();
    }
    assertThatThrownBy(() -> UserfaultfdInjection.inject(new Pid(4_194_304)))
        .isInstanceOf(SyscallException.class)
        .hasMessage("inject into 4194304: ESRCH");
  }

  @Test
  @Tag("linux-6.12")
  void aTracedTargetNamesItsTracer() throws IOException {
    try (LiveTarget target = awkward("threads", "1")) {
      target.nextLine();
      try (Freezer freezer = Freezer.freeze(target.pid(), java.time.Duration.ofSeconds(5))) {
        assertThat(freezer.threadCount()).isEqualTo(2);
        int tracer = ProcStatus.read(target.pid()).tracerPid();
        assertRefused(
            target.pid(), TraceException.Reason.TRACED, "already traced by pid " + tracer);
      }
    }
  }

  @Test
  void aChildOfTheJvmIsRefusedBeforeItCouldBeLost() throws Exception {
    Process child = new ProcessBuilder("sleep", "20").start();
    try {
      assertThatThrownBy(
              () -> Freezer.freeze(new Pid((int) child.pid()), java.time.Duration.ofSeconds(1)))
          .isInstanceOf(TraceException.class)
          .hasMessageContaining("a child of this process");
      assertThat(child.isAlive()).isTrue();
    } finally {
      child.destroyForcibly();
      child.waitFor();
    }
  }

  private static void assertRefused(Pid pid, TraceException.Reason reason, String why) {
    assertThatThrownBy(() -> UserfaultfdInjection.inject(pid))
        .isInstanceOfSatisfying(TraceException.class, e -> assertThat(e.reason()).isEqualTo(reason))
        .hasMessage("inject into " + pid + ": " + why);
  }

  private static void await(LiveTarget target, char state) throws IOException {
    for (int i = 0; i < 2000; i++) {
      if (ProcStatus.read(target.pid()).state() == state) {
        return;
      }
      LiveTarget.pause(1);
    }
    throw new AssertionError("state is not " + state);
  }

  @ParameterizedTest
  @CsvSource({"nanosleep", "busy"})
  void theStopIsShort(String mode) throws IOException {
    try (LiveTarget target = awkward(mode, "30000")) {
      assertThat(target.nextLine()).isEqualTo("ready");
      LiveTarget.pause(20);
      int count = 100;
      long[] safe = new long[count];
      long[] plain = new long[count];
      for (int i = 0; i < count; i++) {
        safe[i] = stoppedNanos(target, UserfaultfdInjection.Form.NORMAL);
        plain[i] = stoppedNanos(target, UserfaultfdInjection.Form.PLAIN);
      }
      long first = safe[0];
      Arrays.sort(safe);
      Arrays.sort(plain);
      System.out.printf(
          "injection, %s: crash-safe first %d us, min %d, median %d, p90 %d; plain min %d, median"
              + " %d, p90 %d; ratio of medians %.2f%n",
          mode,
          first / 1000,
          safe[0] / 1000,
          safe[50] / 1000,
          safe[90] / 1000,
          plain[0] / 1000,
          plain[50] / 1000,
          plain[90] / 1000,
          (double) safe[50] / plain[50]);
      // A wide bound: this is no benchmark, it only catches a stop that waits for a timer.
      assertThat(safe[50]).isLessThan(Slowness.times(5_000_000));
    }
  }

  private static long stoppedNanos(LiveTarget target, UserfaultfdInjection.Form form)
      throws IOException {
    Injected injected = UserfaultfdInjection.inject(target.pid(), form);
    injected.userfaultfd().close();
    assertThat(injected.crashSafe()).isEqualTo(form.crashSafe());
    return injected.stoppedNanos();
  }
}
