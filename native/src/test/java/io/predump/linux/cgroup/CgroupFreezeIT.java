package io.predump.linux.cgroup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.predump.linux.LibC;
import io.predump.linux.NativeBuffer;
import io.predump.linux.Pid;
import io.predump.linux.mem.ProcessMemory;
import io.predump.linux.proc.Cgroups;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.testkit.CProgram;
import io.predump.linux.testkit.LiveTarget;
import io.predump.linux.testkit.TestCgroup;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Freezing by a control group: whole, and never for ever. */
final class CgroupFreezeIT {
  private static final Duration TIMEOUT = Duration.ofSeconds(10);

  @TempDir Path directory;
  private final ArrayDeque<AutoCloseable> open = new ArrayDeque<>();

  @AfterEach
  void close() throws Exception {
    while (!open.isEmpty()) {
      open.pop().close();
    }
  }

  private TestCgroup cgroup(int version) throws IOException {
    TestCgroup cgroup = TestCgroup.make(version);
    open.push(cgroup);
    return cgroup;
  }

  private LiveTarget target(String... arguments) throws IOException {
    LiveTarget target =
        LiveTarget.start(CProgram.resource(LiveTarget.class, "awkward.c"), arguments);
    open.push(target);
    return target;
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

  private static void awaitCounting(LiveTarget target, long address, int count) throws IOException {
    long[] before = counters(target, address, count);
    await(
        "every thread counts",
        () -> {
          long[] now = counters(target, address, count);
          for (int i = 0; i < count; i++) {
            if (now[i] <= before[i]) {
              return false;
            }
          }
          return true;
        });
  }

  private interface Condition {
    boolean holds() throws IOException;
  }

  private static void await(String what, Condition condition) throws IOException {
    long end = System.nanoTime() + 20_000_000_000L;
    while (!condition.holds()) {
      assertThat(System.nanoTime()).as("waited in vain: " + what).isLessThan(end);
      LiveTarget.pause(2);
    }
  }

  @ParameterizedTest(name = "v{0} {1} {2}")
  @CsvSource({
    "2,threads,1,1",
    "2,threads,8,8",
    "2,threads,100,100",
    "2,slow-threads,100,100",
    "2,remaps,8,8",
    "2,births,4,1",
    "2,forks,1,1",
    "1,threads,1,1",
    "1,threads,8,8",
    "1,slow-threads,100,100",
    "1,remaps,8,8",
    "1,forks,1,1"
  })
  void everybodyStandsAndGoesOn(int version, String mode, int threads, int counters)
      throws IOException {
    TestCgroup group = cgroup(version);
    LiveTarget target = target(mode, "" + threads);
    long address = Long.parseUnsignedLong(target.nextLine(), 16);
    group.add(target.pid());
    LiveTarget.pause(50);
    FreezerCgroup cgroup = FreezerCgroup.at(group.directory());
    long[] nanos = new long[9];
    try (ThawGuard guard = ThawGuard.of(cgroup)) {
      for (int i = 0; i < nanos.length; i++) {
        try (CgroupFreeze freeze = CgroupFreeze.of(cgroup, guard, TIMEOUT)) {
          nanos[i] = System.nanoTime() - freeze.frozenSinceNanos();
          assertThat(group.isFrozen()).isTrue();
          long[] frozen = counters(target, address, counters);
          LiveTarget.pause(i == 0 ? 50 : 3);
          assertThat(counters(target, address, counters)).isEqualTo(frozen);
          freeze.requireHeld();
          if (mode.endsWith("threads")) {
            assertThat(freeze.threadCount()).isEqualTo(threads + 1);
          }
        }
        assertThat(group.isAskedToFreeze()).isFalse();
        awaitCounting(target, address, counters);
      }
    }
    Arrays.sort(nanos);
    System.out.println(
        "freeze, cgroup v"
            + version
            + " "
            + mode
            + " "
            + threads
            + ": median "
            + nanos[4] / 1000
            + " us, longest "
            + nanos[8] / 1000
            + " us");
    if (mode.equals("forks")) {
      for (Pid pid : cgroup.processes()) {
        LibC.kill(pid.number(), 9);
      }
    }
  }

  /** The control: where the freeze does not reach the target, the counters tell. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void aTargetThatSitsElsewhereCountsOn(int version) throws IOException {
    TestCgroup group = cgroup(version);
    LiveTarget other = target("slow-threads", "1");
    LiveTarget target = target("slow-threads", "3");
    other.nextLine();
    long address = Long.parseUnsignedLong(target.nextLine(), 16);
    group.add(other.pid());
    FreezerCgroup cgroup = FreezerCgroup.at(group.directory());
    try (ThawGuard guard = ThawGuard.of(cgroup);
        CgroupFreeze freeze = CgroupFreeze.of(cgroup, guard, TIMEOUT)) {
      assertThat(freeze.threadCount()).isEqualTo(2);
      awaitCounting(target, address, 3);
      assertThatThrownBy(() -> cgroup.requireHolds(List.of(other.pid(), target.pid())))
          .isInstanceOf(CgroupException.class)
          .hasMessage(
              group.directory()
                  + ": pid="
                  + target.pid()
                  + " is not in it, it sits in "
                  + group.root());
      cgroup.requireHolds(List.of(other.pid()));
    }
  }

  /** Freezes a group, says so, and waits to be killed. */
  static final class FreezeMain {
    private FreezeMain() {}

    public static void main(String[] args) throws Exception {
      FreezerCgroup cgroup = FreezerCgroup.at(Path.of(args[0]));
      ThawGuard guard = ThawGuard.of(cgroup);
      CgroupFreeze freeze = CgroupFreeze.of(cgroup, guard, TIMEOUT);
      System.out.println("frozen " + guard.pid() + " " + guard.isApart() + freeze.threadCount());
      Thread.sleep(Long.MAX_VALUE);
    }
  }

  private Process freezeInAnotherProgram(TestCgroup group) throws IOException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-Xmx64m",
                "-Djna.tmpdir=" + directory,
                "-cp",
                System.getProperty("java.class.path"),
                FreezeMain.class.getName(),
                group.directory().toString())
            .redirectErrorStream(true)
            .start();
    open.push(() -> process.destroyForcibly().waitFor());
    return process;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void aKilledProgramLeavesNobodyFrozen(int version) throws Exception {
    TestCgroup group = cgroup(version);
    LiveTarget target = target("slow-threads", "3");
    long address = Long.parseUnsignedLong(target.nextLine(), 16);
    group.add(target.pid());
    Process process = freezeInAnotherProgram(group);
    Pid guard = guardOf(process);
    assertThat(group.isFrozen()).isTrue();
    assertThat(session(guard)).as("a session of its own").isEqualTo(guard.number());
    assertThat(Cgroups.of(guard).atManagersRoots()).isTrue();

    process.destroyForcibly().waitFor();

    awaitCounting(target, address, 3);
    assertThat(group.isAskedToFreeze()).isFalse();
    await("the guard has ended", () -> !Files.exists(Path.of(guard.procPath("stat"))));
  }

  /** The control: it is the guard that thaws. */
  @Test
  void withoutItsGuardAKilledProgramLeavesTheTargetFrozen() throws Exception {
    TestCgroup group = cgroup(2);
    LiveTarget target = target("slow-threads", "3");
    long address = Long.parseUnsignedLong(target.nextLine(), 16);
    group.add(target.pid());
    Process process = freezeInAnotherProgram(group);
    Pid guard = guardOf(process);

    LibC.kill(guard.number(), 9);
    process.destroyForcibly().waitFor();

    LiveTarget.pause(200);
    assertThat(group.isFrozen()).isTrue();
    group.thaw();
    awaitCounting(target, address, 3);
  }

  private static Pid guardOf(Process process) throws IOException {
    BufferedReader reader =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    String line = reader.readLine();
    assertThat(line).startsWith("frozen ").endsWith("true4");
    return new Pid(Integer.parseInt(line.split(" ", -1)[1]));
  }

  private static int session(Pid pid) throws IOException {
    String stat = Files.readString(Path.of(pid.procPath("stat")));
    return Integer.parseInt(stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1)[3]);
  }

  @Test
  void aGuardThatHasEndedForbidsTheFreeze() throws IOException {
    TestCgroup group = cgroup(2);
    LiveTarget target = target("slow-threads", "1");
    long address = Long.parseUnsignedLong(target.nextLine(), 16);
    group.add(target.pid());
    FreezerCgroup cgroup = FreezerCgroup.at(group.directory());
    try (ThawGuard guard = ThawGuard.of(cgroup)) {
      LibC.kill(guard.pid().number(), 9);
      CgroupException refused =
          catchThrowableOfType(
              CgroupException.class, () -> CgroupFreeze.of(cgroup, guard, TIMEOUT).close());
      assertThat(refused.reason()).isEqualTo(CgroupException.Reason.NO_GUARD);
      assertThat(refused)
          .hasMessageStartingWith(
              cgroup
                  + ": not frozen, for nobody would thaw it should this program be killed: the guard"
                  + " (setsid, sh): it ");
    }
    assertThat(group.isAskedToFreeze()).isFalse();
    awaitCounting(target, address, 1);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void aGroupThatWasFrozenBeforeStaysFrozen(int version) throws IOException {
    TestCgroup group = cgroup(version);
    LiveTarget target = target("slow-threads", "3");
    target.nextLine();
    group.add(target.pid());
    group.freeze();
    await("frozen", group::isFrozen);
    FreezerCgroup cgroup = FreezerCgroup.at(group.directory());
    assertThat(cgroup.isAskedToFreeze()).isTrue();
    try (CgroupFreeze freeze = CgroupFreeze.of(cgroup, null, TIMEOUT)) {
      assertThat(freeze.threadCount()).isEqualTo(4);
      freeze.requireHeld();
    }
    assertThat(group.isFrozen()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void aThawByAnotherIsNoticed(int version) throws IOException {
    TestCgroup group = cgroup(version);
    LiveTarget target = target("slow-threads", "3");
    target.nextLine();
    group.add(target.pid());
    FreezerCgroup cgroup = FreezerCgroup.at(group.directory());
    try (ThawGuard guard = ThawGuard.of(cgroup);
        CgroupFreeze freeze = CgroupFreeze.of(cgroup, guard, TIMEOUT)) {
      group.thaw();
      await("thawed", () -> !group.isFrozen());
      assertThatThrownBy(freeze::requireHeld)
          .hasMessage(cgroup + ": somebody else thawed it while its memory was being read");
    }
  }

  /** A thread that waits for its vfork child is in no state in which ptrace could stop it. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void whoeverWaitsForAVforkedChildFreezesToo(int version) throws IOException {
    TestCgroup group = cgroup(version);
    LiveTarget target = target("vfork", "1500");
    group.add(target.pid());
    assertThat(target.nextLine()).isEqualTo("ready");
    LiveTarget.pause(100);
    FreezerCgroup cgroup = FreezerCgroup.at(group.directory());
    if (cgroup.processes().size() < 2) {
      // The child was born before its parent was moved.
      Files.readString(Path.of(target.pid().procPath("task/" + target.pid() + "/children")))
          .lines()
          .forEach(
              child -> {
                try {
                  group.add(new Pid(Integer.parseInt(child.trim())));
                } catch (IOException e) {
                  throw new UncheckedIOException(e);
                }
              });
    }
    try (ThawGuard guard = ThawGuard.of(cgroup);
        CgroupFreeze freeze = CgroupFreeze.of(cgroup, guard, TIMEOUT)) {
      assertThat(freeze.threadCount()).isEqualTo(3);
    }
    assertThat(target.nextLine()).startsWith("7 0 ");
  }

  @Test
  void aThreadThatDoesNotStopIsNamedAndTheGroupThawed() throws IOException {
    TestCgroup group = cgroup(2);
    TestCgroup stuck = cgroup(1);
    LiveTarget target = target("slow-threads", "2");
    long address = Long.parseUnsignedLong(target.nextLine(), 16);
    group.add(target.pid());
    await("threads", () -> ProcStatus.threads(target.pid()).size() == 3);
    int thread = ProcStatus.threads(target.pid()).get(1);
    // Frozen in version 1 it sleeps where nothing of version 2 reaches it.
    stuck.addThread(thread);
    stuck.freeze();
    await("stuck", () -> ProcStatus.threadState(target.pid(), thread) == 'D');
    FreezerCgroup cgroup = FreezerCgroup.at(group.directory());
    try (ThawGuard guard = ThawGuard.of(cgroup)) {
      assertThatThrownBy(() -> CgroupFreeze.of(cgroup, guard, Duration.ofMillis(100)).close())
          .isInstanceOf(CgroupException.class)
          .hasMessage(
              cgroup
                  + ": does not freeze in time, threads that do not stop: "
                  + thread
                  + " (state D)");
    }
    assertThat(group.isAskedToFreeze()).isFalse();
    stuck.thaw();
    awaitCounting(target, address, 2);
  }

  @Test
  void whatIsNoFreezerIsRefusedByName() throws IOException {
    TestCgroup group = cgroup(2);
    assertRefused(
        directory.resolve("x"),
        directory.resolve("x") + ": no freezer cgroup: there is" + " no such directory");
    assertRefused(directory, directory + ": no freezer cgroup: not a control group");
    assertRefused(
        group.root(),
        group.root()
            + ": no freezer cgroup: the root of a hierarchy, or one without the freezer, cannot be"
            + " frozen");
    Path threaded = Files.createDirectory(group.directory().resolve("threaded"));
    try {
      Files.writeString(threaded.resolve("cgroup.type"), "threaded");
      assertRefused(
          threaded,
          threaded
              + ": no freezer cgroup: a threaded group: it need not hold all threads of a process");
    } finally {
      Files.delete(threaded);
    }
    Files.writeString(group.directory().resolve("cgroup.procs"), Pid.self().toString());
    try {
      assertRefused(
          group.directory(),
          group.directory() + ": this program sits in it and would freeze itself");
    } finally {
      Files.writeString(group.root().resolve("cgroup.procs"), Pid.self().toString());
    }
  }

  private static void assertRefused(Path directory, String message) {
    assertThatThrownBy(() -> FreezerCgroup.at(directory))
        .isInstanceOf(CgroupException.class)
        .hasMessage(message);
  }
}
