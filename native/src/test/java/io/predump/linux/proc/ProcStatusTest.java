package io.predump.linux.proc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.predump.linux.Errno;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

class ProcStatusTest {
  private static final String STATUS =
      """
          Name:\tevil) R 1
          Umask:\t0022
          State:\tS (sleeping)
          Tgid:\t42
          Pid:\t42
          PPid:\t7
          TracerPid:\t99
          Uid:\t1000\t1001\t1000\t1000
          NSpid:\t42\t1
          VmPin:\t       8 kB
          VmRSS:\t      16 kB
          VmSwap:\t       4 kB
          CapEff:\t000001ffffffffff
          Seccomp:\t2
          """;
  private static final String STAT =
      """
          42 (evil) R 1 () S 7 42 42 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 3 0 1234 5678 9 18446744073709551615 101 102 103 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 201 202 203 204 205 206 207 0
          """;

  @Test
  void theProcessorIsThatOfTheThread() {
    assertThat(ProcStatus.processor(STAT)).isEqualTo(1);
  }

  @Test
  void aHostileNameMovesNoField() {
    ProcStatus status = ProcStatus.parse(new Pid(42), STATUS, STAT);

    assertThat(status)
        .isEqualTo(
            new ProcStatus(
                new Pid(42),
                "evil) R 1 (",
                'S',
                7,
                99,
                42,
                1000,
                1001,
                2,
                8192,
                4096,
                16384,
                List.of(42, 1),
                0x1ffffffffffL,
                false,
                1234,
                3,
                new ProcStatus.Layout(101, 102, 103, 201, 202, 203, 204, 205, 206, 207)));
    assertThat(status.hasCapability(ProcStatus.CAP_SYS_ADMIN)).isTrue();
    assertThat(status.isDead()).isFalse();
  }

  @Test
  void kernelThreadsAreKnownByTheirFlag() {
    assertThat(
            ProcStatus.parse(new Pid(42), STATUS, STAT.replace("4194304", "2129984"))
                .kernelThread())
        .isTrue();
  }

  @Test
  void malformedTextIsNamed() {
    assertThatThrownBy(() -> ProcStatus.parse(new Pid(42), STATUS, "42 (x"))
        .hasMessage("not a /proc/42/stat: 42 (x");
    assertThatThrownBy(() -> ProcStatus.parse(new Pid(42), STATUS.replace("99", "ninety"), STAT))
        .hasMessage("not a /proc/42/status: For input string: \"ninety\"");
  }

  @Test
  void theSystemCallFileHasThreeForms() {
    assertThat(ProcStatus.parseSyscall("running\n")).isEmpty();
    assertThat(ProcStatus.parseSyscall("-1 0x7ffd 0x7f00\n")).hasValue(-1);
    assertThat(ProcStatus.parseSyscall("230 0x0 0x0 0x7 0x7 0x0 0x0 0x7 0x7\n")).hasValue(230);
  }

  @Test
  void aLiveProcessIsRead() throws IOException {
    try (LiveTarget target = LiveTarget.start(List.of("sleep", "30"))) {
      LiveTarget.pause(50);
      ProcStatus status = ProcStatus.read(target.pid());

      assertThat(status.name()).isEqualTo("sleep");
      assertThat(status.threadCount()).isEqualTo(1);
      assertThat(status.parent()).isNotEqualTo(Pid.self().number());
      assertThat(ProcessTree.isOwnChild(target.pid())).isFalse();
      assertThat(ProcessTree.parents(target.pid())).contains(new Pid(status.parent()));
      assertThat(ProcStatus.threads(target.pid())).containsExactly(target.pid().number());
      assertThat(ProcStatus.threadState(target.pid(), target.pid().number())).isEqualTo('S');
      assertThat(ProcStatus.threadSyscall(target.pid(), target.pid().number())).hasValue(230);
      assertThat(status.layout().startStack()).isNotZero();
      long[] auxv = ProcStatus.auxiliaryVector(target.pid());
      assertThat(auxv.length).isEven();
      assertThat(auxv[auxv.length - 2]).isZero();
      assertThat(OpenFile.list(target.pid())).hasSizeGreaterThanOrEqualTo(3);
      assertThat(Cgroups.of(target.pid()).frozenV1()).isEmpty();
    }
  }

  @Test
  void aProcessThatIsGoneSaysSo() {
    assertThatThrownBy(() -> ProcStatus.read(new Pid(4_194_304)))
        .isInstanceOfSatisfying(
            SyscallException.class, e -> assertThat(e.is(Errno.ENOENT)).isTrue())
        .hasMessage("open(/proc/4194304/status): ENOENT");
  }

  @Test
  void theBootHasAnId() throws IOException {
    assertThat(Machine.bootId()).matches("[0-9a-f-]{36}");
    assertThat(Machine.kernelRelease()).isNotEmpty();
    assertThat(Machine.maxMapCount()).isPositive();
  }

  @Test
  void groupsAreFoundWhereverTheyAreMounted() {
    String mountinfo =
        """
          37 31 0:34 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer
          41 31 0:38 / /mnt/my\\040groups rw,relatime shared:1 - cgroup2 cgroup2 rw
          """;
    Cgroups groups = Cgroups.parse("6:freezer:/a/b\n0::/web\n", mountinfo);

    assertThat(groups.freezerV1Directory()).hasValue("/sys/fs/cgroup/freezer/a/b");
    assertThat(groups.v2Directory()).hasValue("/mnt/my groups/web");
    assertThat(Cgroups.parse("0::/\n", "").v2Directory()).isEmpty();
    Cgroups nested = Cgroups.parse("0::/pod/web\n", "1 2 0:3 /pod /cg rw - cgroup2 cgroup2 rw\n");
    assertThat(nested.v2Directory()).hasValue("/cg/web");
  }

  @Test
  void openFlagsAreOctal() {
    assertThat(OpenFile.parseFlags("pos:\t0\nflags:\t02140002\nmnt_id:\t1\n")).isEqualTo(02140002);
    assertThat(new OpenFile(new io.predump.linux.RemoteFd(3), "/x", 02140002).isDirect()).isTrue();
  }

  @Test
  void theShadowStackIsAWordOfTheFeatures() {
    assertThat(ProcStatus.parseShadowStack("x86_Thread_features:\tshstk wrss \n")).isTrue();
    assertThat(ProcStatus.parseShadowStack("x86_Thread_features:\t\n")).isFalse();
    assertThat(ProcStatus.parseShadowStack(STATUS)).isFalse();
  }

  @Test
  void aUserfaultfdTellsItsFeatures() {
    assertThat(OpenFile.parseFeatures("pending:\t0\nAPI:\taa:0:80000000000001ff\n")).isZero();
    assertThat(OpenFile.parseFeatures("API:\taa:80000000:80000000000001ff\n"))
        .isEqualTo(0x80000000L);
    assertThat(OpenFile.parseFeatures("flags:\t02\n")).isEqualTo(-1);
  }
}
