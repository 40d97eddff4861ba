package io.predump.linux.ptrace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.predump.linux.LibC;
import io.predump.linux.NativeBuffer;
import io.predump.linux.mem.ProcessMemory;
import io.predump.linux.proc.OpenFile;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.ptrace.UserfaultfdInjection.Form;
import io.predump.linux.testkit.CProgram;
import io.predump.linux.testkit.LiveTarget;
import io.predump.linux.testkit.Slowness;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Kills the tracing program, with SIGKILL, before every single act of an injection. */
class InjectionKillIT {
  private static final int KILLED = 128 + 9;

  @TempDir Path directory;

  @AfterEach
  void disarm() {
    UserfaultfdInjection.boundary = Boundary.NONE;
  }

  @ParameterizedTest
  @ValueSource(strings = {"sleep", "busy", "futex", "read", "tiny"})
  void aTargetSurvivesWhateverTheMomentItsTracerIsKilled(String mode) throws Exception {
    try (Steady target = new Steady(mode)) {
      List<String> acts = acts(target, Form.NORMAL);
      List<String> table = new ArrayList<>();
      int adopted = 0;
      for (int i = 1; i <= acts.size(); i++) {
        String mask = target.masks();
        long interrupted = target.interrupted();
        injectAndDie(target, i, "safe");
        target.assertUnharmed(i + " " + acts.get(i - 1), mask);
        List<OpenFile> left = target.userfaultfds();
        assertThat(left).hasSizeLessThanOrEqualTo(1);
        assertThat(left).allMatch(f -> (f.flags() & LibC.O_CLOEXEC) != 0);
        table.add(
            String.format(
                "%2d %-30s unharmed, userfaultfds left %d, EINTR %d",
                i, acts.get(i - 1), left.size(), target.interrupted() - interrupted));

        Injected injected = UserfaultfdInjection.inject(target.live.pid());
        injected.userfaultfd().close();
        assertThat(injected.crashSafe()).isTrue();
        if (left.size() == 1) {
          adopted++;
          assertThat(injected.warnings())
              .contains("closed in the target what killed injections left: userfaultfds=1");
        }
        assertThat(target.userfaultfds()).as("after the next injection").isEmpty();
        target.assertUnharmed(i + " and injected again", mask);
      }
      System.out.println(
          "killed before each act, crash-safe, " + mode + ":\n" + String.join("\n", table));
      assertThat(adopted).isGreaterThan(5);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"sleep", "busy"})
  void aTargetInPlainFormDies(String mode) throws Exception {
    List<String> acts;
    try (Steady target = new Steady(mode)) {
      acts = acts(target, Form.PLAIN);
    }
    List<String> table = new ArrayList<>();
    int harmed = 0;
    Steady target = new Steady(mode);
    try {
      for (int i = 1; i <= acts.size(); i++) {
        String mask = target.masks();
        injectAndDie(target, i, "plain");
        String harm = target.harm(mask);
        table.add(
            String.format("%2d %-30s %s", i, acts.get(i - 1), harm.isEmpty() ? "unharmed" : harm));
        if (!harm.isEmpty()) {
          harmed++;
          target.close();
          target = new Steady(mode);
        }
      }
    } finally {
      target.close();
    }
    System.out.println("killed before each act, plain, " + mode + ":\n" + String.join("\n", table));
    assertThat(harmed).as("else the other test shows nothing").isGreaterThan(5);
  }

  @Test
  void theLargestFloatingPointStateSurvives() throws Exception {
    assumeTrue(
        Files.readString(Path.of("/proc/cpuinfo")).contains(" amx_tile"),
        "skipped: no AMX on this machine");
    try (Steady target = new Steady("tiles")) {
      List<String> acts = acts(target, Form.NORMAL);
      for (int i = 0; i < 4; i++) {
        String mask = target.masks();
        injectAndDie(target, acts.indexOf("pidfd_getfd") + 1, "safe");
        target.assertUnharmed("pidfd_getfd", mask);
      }
    }
  }

  /** In the second case another thread is stopped, while the main one reads its stack. */
  @ParameterizedTest
  @ValueSource(strings = {"deep", "deep-main"})
  void stackInUseIsNotWrittenTo(String mode) throws Exception {
    try (Steady target = new Steady(mode)) {
      List<Integer> tids = ProcStatus.threads(target.live.pid());
      int tid = tids.get(tids.size() - 1);
      for (int i = 0; i < 50; i++) {
        Injected injected = UserfaultfdInjection.injectThread(target.live.pid(), tid, Form.NORMAL);
        injected.userfaultfd().close();
        assertThat(injected.crashSafe()).isFalse();
        assertThat(injected.warnings())
            .containsExactly(
                UserfaultfdInjection.notCrashSafe("the bottom of its stack is in use"));
      }
      assertThat(target.harm(target.masks())).isEmpty();
    }
  }

  @Test
  @Tag("linux-6.12")
  void anotherThanTheMainThreadIsSafeToo() throws Exception {
    try (Steady target = new Steady("read")) {
      int tid = ProcStatus.threads(target.live.pid()).get(1);
      for (int i = 0; i < 5; i++) {
        Injected injected = UserfaultfdInjection.injectThread(target.live.pid(), tid, Form.NORMAL);
        injected.userfaultfd().close();
        assertThat(injected.crashSafe()).isTrue();
      }
      assertThat(target.harm(target.masks())).isEmpty();
    }
  }

  @Test
  void whatOneKilledTracerLeftOutlivesTheNext() throws Exception {
    try (Steady target = new Steady("sleep")) {
      List<String> acts = acts(target, Form.NORMAL);
      injectAndDie(target, acts.indexOf("pidfd_getfd") + 1, "safe");
      // The second is cut off before it can close what the first left: its mark takes over.
      injectAndDie(target, acts.indexOf("PTRACE_SETSIGMASK") + 1, "safe");
      assertThat(target.userfaultfds()).hasSize(1);
      UserfaultfdInjection.inject(target.live.pid()).userfaultfd().close();
      assertThat(target.userfaultfds()).isEmpty();
    }
  }

  @Test
  void aUserfaultfdOfTheTargetIsLeftAlone() throws Exception {
    try (Steady target = new Steady("own-userfaultfd")) {
      List<OpenFile> own = target.userfaultfds();
      assertThat(own).hasSize(1);
      Injected injected = UserfaultfdInjection.inject(target.live.pid());
      injected.userfaultfd().close();
      assertThat(injected.warnings())
          .containsExactly(
              "the target has userfaultfds, not in use, left open as they may be its own: count=1");
      assertThat(target.userfaultfds()).isEqualTo(own);

      List<String> acts = acts(target, Form.NORMAL);
      // Cut off where the mark names ours; then where it only says that there may be one.
      for (int act : new int[] {acts.indexOf("pidfd_getfd"), acts.indexOf("PTRACE_SYSCALL")}) {
        boolean named = acts.get(act).equals("pidfd_getfd");
        injectAndDie(target, act + 1, "safe");
        LiveTarget.pause(20);
        assertThat(target.userfaultfds()).hasSize(2);
        injected = UserfaultfdInjection.inject(target.live.pid());
        injected.userfaultfd().close();
        assertThat(injected.warnings())
            .contains(
                "the target has userfaultfds, not in use, left open as they may be its own: count="
                    + (named ? 1 : 2));
        assertThat(target.userfaultfds()).containsAll(own).hasSize(named ? 1 : 2);
      }
    }
  }

  /**
   * Has a target injected here, and lists the acts of it: of several times the fewest, for a signal
   * that comes in between takes acts to be passed on.
   */
  private static List<String> acts(Steady target, Form form) throws IOException {
    List<String> fewest = List.of();
    for (int i = 0; i < 8; i++) {
      List<String> acts = new ArrayList<>();
      UserfaultfdInjection.boundary = acts::add;
      UserfaultfdInjection.inject(target.live.pid(), form).userfaultfd().close();
      UserfaultfdInjection.boundary = Boundary.NONE;
      assertThat(acts).endsWith("PTRACE_DETACH", Boundary.END);
      if (fewest.isEmpty() || acts.size() < fewest.size()) {
        fewest = acts;
      }
    }
    return fewest;
  }

  private void injectAndDie(Steady target, int act, String form) throws Exception {
    Path log = directory.resolve("log");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xshare:auto",
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-Xmx64m",
                "-Djna.tmpdir=" + directory,
                "-cp",
                System.getProperty("java.class.path"),
                KillPoint.class.getName(),
                target.live.pid().toString(),
                Integer.toString(act),
                form)
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    int status = process.waitFor();
    assertThat(status)
        .as("%s", Files.readString(log))
        .withFailMessage(() -> "status of the killed tracer: " + status + readQuietly(log))
        .isEqualTo(KILLED);
    try (Stream<Path> files = Files.list(directory)) {
      for (Path file : files.sorted(Comparator.naturalOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  private static String readQuietly(Path file) {
    try {
      return "\n" + Files.readString(file);
    } catch (IOException e) {
      return "";
    }
  }

  /** A target that checks itself. */
  private static final class Steady implements AutoCloseable {
    final LiveTarget live;
    private final ProcessMemory memory;
    private final NativeBuffer local;
    private final long address;

    Steady(String mode) throws IOException {
      live = LiveTarget.start(CProgram.resource(LiveTarget.class, "steady.c"), mode);
      address = Long.parseUnsignedLong(live.nextLine(), 16);
      memory = ProcessMemory.open(live.pid());
      local = NativeBuffer.allocate(24);
      LiveTarget.pause(50);
      assertThat(harm(masks())).isEmpty();
    }

    private long read(int index) throws IOException {
      memory.pread(local.address(), 24, address);
      return local.bytes().getLong(index * Long.BYTES);
    }

    long interrupted() throws IOException {
      return read(2);
    }

    /** SigBlk of every thread. */
    String masks() throws IOException {
      StringBuilder masks = new StringBuilder();
      for (int tid : ProcStatus.threads(live.pid())) {
        for (String line :
            Files.readAllLines(Path.of(live.pid().procPath("task/" + tid + "/status")))) {
          if (line.startsWith("SigBlk:")) {
            masks.append(tid).append(' ').append(line).append('\n');
          }
        }
      }
      return masks.toString();
    }

    List<OpenFile> userfaultfds() throws IOException {
      return OpenFile.list(live.pid()).stream().filter(OpenFile::isUserfaultfd).toList();
    }

    /** Says what is wrong with it within a second, or nothing. */
    String harm(String mask) throws IOException {
      long end = System.nanoTime() + Slowness.times(Duration.ofSeconds(1)).toNanos();
      String harm = "no progress";
      long rounds = -1;
      while (!harm.isEmpty() && System.nanoTime() < end) {
        LiveTarget.pause(2);
        if (!live.isAlive()) {
          return "dead";
        }
        try {
          if (read(1) != 0) {
            return "failures=" + read(1);
          }
          if (rounds < 0) {
            rounds = read(0);
          }
          ProcStatus status = ProcStatus.read(live.pid());
          if (status.tracerPid() != 0 || status.state() == 't' || status.state() == 'T') {
            harm = "state " + status.state() + ", tracer " + status.tracerPid();
          } else if (!masks().equals(mask)) {
            harm = "signal mask changed:\n" + mask + masks();
          } else {
            harm = read(0) > rounds + 1 ? "" : "no progress";
          }
        } catch (IOException e) {
          harm = live.isAlive() ? String.valueOf(e.getMessage()) : "dead";
        }
      }
      return harm;
    }

    void assertUnharmed(String when, String mask) throws IOException {
      assertThat(harm(mask)).as("killed before act " + when).isEmpty();
    }

    @Override
    public void close() throws IOException {
      memory.close();
      local.close();
      live.close();
    }
  }
}
