package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.predump.engine.TargetRefusedException.Kind;
import io.predump.linux.Pid;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.testkit.CProgram;
import io.predump.linux.testkit.LiveTarget;
import io.predump.linux.testkit.TestCgroup;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What cannot be a target is refused by name, and not touched. */
final class BadTargetIT {
  @TempDir Path directory;

  @Test
  void aPidThatDoesNotExist() throws IOException {
    // not readString: its first read asks for one byte, and the kernel answers "3"
    int unused =
        Integer.parseInt(Files.readAllLines(Path.of("/proc/sys/kernel/pid_max")).get(0)) - 1;
    while (Files.exists(Path.of("/proc", String.valueOf(unused)))) {
      unused--;
    }

    assertRefused(new Pid(unused), Kind.USAGE, "no process with pid=" + unused);
  }

  @Test
  void aKernelThread() throws IOException {
    Optional<ProcStatus> thread = kernelThread();
    assumeTrue(thread.isPresent(), "no kernel thread is visible in this pid namespace");

    assertRefused(
        thread.get().pid(),
        Kind.USAGE,
        named(thread.get().pid()) + " is a kernel thread: it has no memory of its own");
  }

  @Test
  @Tag("linux-6.1")
  @Tag("linux-6.12")
  void aZombie() throws IOException {
    try (LiveTarget parent = LiveTarget.start(Targets.program("zombie"))) {
      Pid zombie = new Pid(Integer.parseInt(parent.nextLine()));
      assertThat(parent.nextLine()).isEqualTo("ready");

      assertRefused(zombie, Kind.EXITED, named(zombie) + " has exited: no live thread is left");
    }
  }

  @Test
  void aProgramOf32Bits() throws IOException {
    CProgram program =
        Targets.program("ia32", "-m32", "-ffreestanding", "-nostdlib", "-static", "-no-pie");
    try (LiveTarget target = Targets.ready(program)) {
      assertRefused(
          target.pid(),
          Kind.LACKING,
          named(target.pid()) + " is a 32-bit program: such programs are not supported");
      assertUntouched(target);
    }
  }

  @Test
  @Tag("linux-6.12")
  void aProcessThatIsTracedAlready() throws IOException {
    try (LiveTarget target = Targets.ready("writer", 1, 16);
        LiveTarget tracer = Targets.ready("tracer", target.pid().number())) {
      assertRefused(
          target.pid(),
          Kind.LACKING,
          named(target.pid())
              + " is already traced by pid="
              + tracer.pid().number()
              + " ("
              + ProcStatus.read(tracer.pid()).name()
              + ")");
      assertThat(ProcStatus.read(target.pid()).tracerPid()).isEqualTo(tracer.pid().number());
      Targets.awaitProgress(target);
    }
  }

  @Test
  void ourselves() throws IOException {
    assertRefused(
        Pid.self(), Kind.USAGE, named(Pid.self()) + " is this very process: it cannot stop itself");
  }

  @Test
  void ourOwnChild() throws Exception {
    Process child = new ProcessBuilder("sleep", "60").start();
    try {
      Pid pid = new Pid((int) child.pid());
      Targets.await("exec'ed", () -> ProcStatus.read(pid).name().equals("sleep"));

      assertRefused(
          pid,
          Kind.USAGE,
          "pid="
              + child.pid()
              + " (sleep) is a child of this process: the Java runtime waits for its children and"
              + " would swallow their stops; start it through something that exits");
      assertThat(child.isAlive()).isTrue();
    } finally {
      child.destroyForcibly().waitFor();
    }
  }

  @Test
  void aThreadInsteadOfItsProcess() throws IOException {
    try (LiveTarget target = Targets.ready("writer", 1, 16)) {
      Targets.await("threads", () -> ProcStatus.threads(target.pid()).size() == 3);
      Pid thread = new Pid(ProcStatus.threads(target.pid()).get(1));

      assertRefused(
          thread,
          Kind.USAGE,
          named(thread) + " is a thread of pid=" + target.pid().number() + ": name the process");
      assertUntouched(target);
    }
  }

  @Test
  void anotherUsersProcessWithoutTheCapability() throws Exception {
    assumeTrue(Pid.self().number() > 0 && ProcStatus.read(Pid.self()).uid() == 0, "needs root");
    String program = Targets.program("filler").executable().toString();
    try (LiveTarget target =
        LiveTarget.start(
            List.of(
                "setpriv",
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                program,
                "1",
                "0"))) {
      assertThat(target.nextLine()).isEqualTo("ready");
      Path images = directory.resolve("images");

      String said = attachWithoutCapabilities(target.pid().number(), images);

      assertThat(said)
          .isEqualTo(
              "LACKING "
                  + named(target.pid())
                  + " belongs to another user: run as root, or with CAP_SYS_PTRACE\n");
      assertThat(images).doesNotExist();
      assertUntouched(target);
      assertThat(attachWith(List.of(), target.pid().number(), images))
          .as("the control: with the capability")
          .isEqualTo("attached\n");
    }
  }

  /** Tries to attach and says how it went. */
  static final class AttachMain {
    private AttachMain() {}

    public static void main(String[] args) throws IOException {
      Pid pid = new Pid(Integer.parseInt(args[0]));
      try (PreDumpSession session =
          PreDumpSession.attach(pid, Path.of(args[1]), SessionOptions.defaults("test"))) {
        System.out.println("attached" + (session.ended().isPresent() ? ", ended" : ""));
      } catch (TargetRefusedException e) {
        System.out.println(e.kind() + " " + e.getMessage());
      }
    }
  }

  private static String attachWithoutCapabilities(int pid, Path images) throws Exception {
    return attachWith(List.of("setpriv", "--bounding-set=-all", "--inh-caps=-all"), pid, images);
  }

  private static String attachWith(List<String> prefix, int pid, Path images) throws Exception {
    List<String> command = new ArrayList<>(prefix);
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            "-cp",
            System.getProperty(
                "surefire.test.class.path",
                System.getProperty("java.class.path", "") + File.pathSeparator),
            AttachMain.class.getName(),
            String.valueOf(pid),
            images.toString()));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    process.waitFor();
    return said;
  }

  @Test
  void aProcessInAFrozenCgroupOfTheFirstVersion() throws Exception {
    try (LiveTarget target = Targets.ready("writer", 1, 16);
        TestCgroup cgroup = TestCgroup.make(1)) {
      cgroup.add(target.pid());
      cgroup.freeze();
      Targets.await("frozen", cgroup::isFrozen);

      assertRefused(
          target.pid(),
          Kind.LACKING,
          named(target.pid())
              + " sits in the frozen cgroup v1 "
              + cgroup.directory()
              + ": thaw it first");

      assertThat(cgroup.isFrozen()).as("as it was").isTrue();
      cgroup.thaw();
      assertUntouched(target);
    }
  }

  private static Optional<ProcStatus> kernelThread() throws IOException {
    try (var processes = Files.list(Path.of("/proc"))) {
      for (Path process : (Iterable<Path>) processes::iterator) {
        String name = process.getFileName().toString();
        if (name.matches("[0-9]+")) {
          try {
            ProcStatus status = ProcStatus.read(new Pid(Integer.parseInt(name)));
            if (status.kernelThread()) {
              return Optional.of(status);
            }
          } catch (IOException e) {
            // it has ended meanwhile
          }
        }
      }
    }
    return Optional.empty();
  }

  private void assertRefused(Pid pid, Kind kind, String message) {
    Path images = directory.resolve("images");
    TargetRefusedException refused =
        catchThrowableOfType(
            TargetRefusedException.class,
            () -> PreDumpSession.attach(pid, images, SessionOptions.defaults("test")).close());
    assertThat(refused).hasMessage(message);
    assertThat(refused.kind()).isEqualTo(kind);
    assertThat(images).as("nothing is left behind").doesNotExist();
  }

  private static void assertUntouched(LiveTarget target) throws IOException {
    for (int tid : ProcStatus.threads(target.pid())) {
      assertThat(ProcStatus.readThread(target.pid(), tid).tracerPid()).isZero();
    }
    assertThat(target.isAlive()).isTrue();
    assertThat(Targets.threadStates(target.pid())).doesNotContain("T").doesNotContain("t");
  }

  private static String named(Pid pid) throws IOException {
    return "pid=" + pid.number() + " (" + ProcStatus.read(pid).name() + ")";
  }
}
