package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.predump.engine.TargetRefusedException.Kind;
import io.predump.linux.Pid;
import io.predump.linux.cgroup.CgroupException;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.proc.ProcessTree;
import io.predump.linux.testkit.LiveTarget;
import io.predump.linux.testkit.TestCgroup;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The final freeze by {@code --freeze-cgroup}. */
final class FreezeCgroupIT {
  private static final SessionOptions OPTIONS = SessionOptions.defaults("test");

  @TempDir Path directory;
  private @Nullable LiveTarget target;
  private @Nullable TestCgroup group;

  @AfterEach
  void end() throws IOException {
    if (target != null) {
      if (group != null) {
        group.thaw();
      }
      target.close();
    }
    if (group != null) {
      group.close();
    }
  }

  private LiveTarget family(TestCgroup in) throws IOException {
    group = in;
    LiveTarget family = Targets.ready("family");
    target = family;
    in.add(family.pid());
    return family;
  }

  private static Pid fork(LiveTarget family) throws IOException {
    return new Pid(Integer.parseInt(family.ask("fork " + family.pid())));
  }

  private PreDumpSession attach(LiveTarget family, TestCgroup cgroup) throws IOException {
    return PreDumpSession.attach(
        family.pid(), directory.resolve("images"), OPTIONS.withFreezeCgroup(cgroup.directory()));
  }

  private static void assertSame(FinalRound last) {
    assertThat(last.verify().orElseThrow().firstDifferences()).isEmpty();
    assertThat(last.verify().orElseThrow().different()).isZero();
  }

  private static void assertRunsOn(LiveTarget family, TestCgroup cgroup) throws IOException {
    assertThat(cgroup.isAskedToFreeze()).isFalse();
    for (Pid pid : ProcessTree.descendants(family.pid())) {
      assertThat(ProcStatus.read(pid).tracerPid()).isZero();
      long before = Targets.work(pid);
      Targets.await("works on", () -> Targets.work(pid) > before + 2);
    }
  }

  @ParameterizedTest(name = "v{0}")
  @ValueSource(ints = {1, 2})
  void aTreeIsCapturedByItsCgroupAndRunsOn(int version) throws IOException {
    TestCgroup cgroup = TestCgroup.make(version);
    LiveTarget family = family(cgroup);
    fork(family);
    for (int i = 0; i < 3; i++) {
      try (PreDumpSession session = attach(family, cgroup)) {
        assertThat(session.round()).isPresent();
        fork(family);
        assertThat(session.round()).isPresent();
        fork(family);
        FinalRound last = session.finish(true).orElseThrow();

        assertSame(last);
        assertThat(last.freeze().method())
            .isEqualTo("cgroup v" + version + " " + cgroup.directory());
        assertThat(last.freeze().threadCount()).isEqualTo(4 + 2 * i);
        assertThat(session.warnings()).isEmpty();
      }
      assertRunsOn(family, cgroup);
    }
  }

  @Test
  void aProcessOutsideTheCgroupIsRefusedByName() throws IOException {
    TestCgroup cgroup = TestCgroup.make(2);
    LiveTarget family = family(cgroup);
    Pid child = fork(family);
    TestCgroup.move(child, cgroup.root());

    TargetRefusedException refused =
        catchThrowableOfType(TargetRefusedException.class, () -> attach(family, cgroup).close());

    assertThat(refused.kind()).isEqualTo(Kind.USAGE);
    assertThat(refused).hasMessage("--freeze-cgroup " + notIn(cgroup, child));
    assertThat(directory.resolve("images")).doesNotExist();
    assertRunsOn(family, cgroup);
  }

  @Test
  void aProcessMovedAwayBeforeTheFreezeEndsItAndEverybodyRunsOn() throws IOException {
    TestCgroup cgroup = TestCgroup.make(2);
    LiveTarget family = family(cgroup);
    Pid child = fork(family);
    try (PreDumpSession session = attach(family, cgroup)) {
      assertThat(session.round()).isPresent();
      TestCgroup.move(child, cgroup.root());

      assertThatThrownBy(() -> session.finish(true))
          .isInstanceOf(CgroupException.class)
          .hasMessage(notIn(cgroup, child));
      assertRunsOn(family, cgroup);

      cgroup.add(child);
      assertSame(session.finish(true).orElseThrow());
    }
    assertRunsOn(family, cgroup);
  }

  private static String notIn(TestCgroup cgroup, Pid pid) {
    return cgroup.directory() + ": pid=" + pid + " is not in it, it sits in " + cgroup.root();
  }

  @ParameterizedTest(name = "v{0}")
  @ValueSource(ints = {1, 2})
  void whatAnotherFrozeBeforeTheFreezeIsLeftFrozenAndSaid(int version) throws IOException {
    TestCgroup cgroup = TestCgroup.make(version);
    LiveTarget family = family(cgroup);
    try (PreDumpSession session = attach(family, cgroup)) {
      assertThat(session.round()).isPresent();
      cgroup.freeze();
      Targets.await("frozen", cgroup::isFrozen);

      assertSame(session.finish(true).orElseThrow());

      assertThat(session.warnings())
          .contains(
              "cgroup v"
                  + version
                  + " "
                  + cgroup.directory()
                  + " was frozen already, and is left frozen");
    }
    assertThat(cgroup.isFrozen()).isTrue();
    cgroup.thaw();
    assertRunsOn(family, cgroup);
  }

  @Test
  void ptraceStopsWhatAnotherFrozeAndLeavesItFrozen() throws IOException {
    TestCgroup cgroup = TestCgroup.make(2);
    LiveTarget family = family(cgroup);
    try (PreDumpSession session =
        PreDumpSession.attach(family.pid(), directory.resolve("images"), OPTIONS)) {
      assertThat(session.round()).isPresent();
      cgroup.freeze();
      Targets.await("frozen", cgroup::isFrozen);
      FinalRound last = session.finish(true).orElseThrow();
      assertSame(last);
      assertThat(last.freeze().method()).isEqualTo("ptrace");
    }
    Targets.await("frozen again", cgroup::isFrozen);
    long before = Targets.work(family.pid());
    LiveTarget.pause(50);
    assertThat(Targets.work(family.pid())).isEqualTo(before);
    cgroup.thaw();
    assertRunsOn(family, cgroup);
  }

  @Test
  void aFrozenProcessIsNotAttachedTo() throws IOException {
    TestCgroup cgroup = TestCgroup.make(2);
    LiveTarget family = family(cgroup);
    cgroup.freeze();
    Targets.await("frozen", cgroup::isFrozen);

    assertThatThrownBy(() -> attach(family, cgroup).close())
        .isInstanceOf(TargetRefusedException.class)
        .hasMessage(
            "pid="
                + family.pid()
                + " ("
                + ProcStatus.read(family.pid()).name()
                + ") sits in the frozen cgroup v2 "
                + cgroup.directory()
                + ": thaw it first");

    assertThat(cgroup.isFrozen()).isTrue();
    cgroup.thaw();
    assertRunsOn(family, cgroup);
  }

  @Test
  void othersInTheCgroupAreSaid() throws IOException {
    TestCgroup cgroup = TestCgroup.make(2);
    LiveTarget family = family(cgroup);
    try (LiveTarget other = Targets.ready("family")) {
      cgroup.add(other.pid());
      try (PreDumpSession session = attach(family, cgroup)) {
        assertThat(session.round()).isPresent();
        assertSame(session.finish(true).orElseThrow());
        assertThat(session.warnings())
            .contains(
                "cgroup v2 "
                    + cgroup.directory()
                    + " holds processes that are not copied but freeze too: count=1");
      }
      assertRunsOn(other, cgroup);
    }
  }
}
