package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.predump.criu.AfterDump;
import io.predump.criu.CriuDump;
import io.predump.criu.CriuMode;
import io.predump.criu.CriuProgram;
import io.predump.criu.DumpOptions;
import io.predump.criu.StockCriu;
import io.predump.images.ChainVerifier;
import io.predump.images.CriuOrigin;
import io.predump.images.ImageChain;
import io.predump.linux.LibC;
import io.predump.linux.Pid;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.testkit.TestCgroup;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The last round as a whole checkpoint, and everything that can go wrong with it: whatever does,
 * the tree runs on unharmed, the message says what happened, and the rounds before stay good.
 */
final class CheckpointIT {
  private static final int SIGKILL = 9;
  private static final int PAGES = 256;

  @TempDir Path directory;
  private Path images;
  private Script target;

  @BeforeEach
  void start() throws IOException {
    images = directory.resolve("images");
    target = Script.start();
    target.map("m", "anon", PAGES);
    target.tell("lower m 1");
  }

  @AfterEach
  void stop() throws IOException {
    target.close();
  }

  @ParameterizedTest
  @EnumSource(names = {"VEIL", "LAZY"})
  void theTreeRunsOnAndTheRoundHoldsAllOfIt(CriuMode mode) throws Exception {
    try (PreDumpSession session = target.attach(images, TestHooks.NONE);
        CriuDump dump = prepare(StockCriu.program(), mode)) {
      session.round().orElseThrow();
      target.tell("fill m 2");
      FinalRound last = session.finish(dump, true).orElseThrow();

      assertThat(last.verify().orElseThrow().different()).isZero();
      assertThat(last.verify().orElseThrow().compared()).isGreaterThan(PAGES);
      assertThat(last.freeze().method()).endsWith("(" + mode.name().toLowerCase(Locale.ROOT) + ")");
      assertThat(last.freeze().checkMicros()).isPositive();
    }
    assertRunsOn();
    assertThat(newestOrigin())
        .contains(
            new CriuOrigin(StockCriu.program().version(), CriuOrigin.Mode.valueOf(mode.name())));
    assertThat(Targets.names(images.resolve("0002/criu"))).contains("pstree.img", "inventory.img");
    assertThat(new ChainVerifier(2).verify(images).problems()).isEmpty();
  }

  @Test
  void aProgramThatPreloadsNothingIsRunWithLazyPages() throws Exception {
    CriuProgram bare = bareCriu();
    try (PreDumpSession session = target.attach(images, TestHooks.NONE);
        CriuDump dump = prepare(bare, CriuMode.AUTO)) {
      session.round().orElseThrow();
      FinalRound last = session.finish(dump, true).orElseThrow();

      assertThat(last.verify().orElseThrow().different()).isZero();
      assertThat(dump.warnings())
          .containsExactly(
              "the veil did not take: "
                  + bare.path()
                  + " preloaded nothing: CRIU is run with --lazy-pages instead, and the freeze grows"
                  + " with private memory");
    }
    assertRunsOn();
    assertThat(newestOrigin().orElseThrow().mode()).isEqualTo(CriuOrigin.Mode.LAZY);
  }

  @Test
  void aProgramThatPreloadsNothingIsRefusedWhereTheVeilIsDemanded() throws Exception {
    CriuProgram bare = bareCriu();

    assertFails(
        dumpOf(bare, CriuMode.VEIL, List.of()),
        TestHooks.NONE,
        "the veil did not take: "
            + bare.path()
            + " preloaded nothing; the tree runs on. Use --criu-mode lazy");
  }

  @Test
  void whatCriuSaysReachesTheUser() throws Exception {
    assertFails(
        dumpOf(StockCriu.program(), CriuMode.AUTO, List.of("--no-such-option")),
        TestHooks.NONE,
        "no-such-option");
  }

  @Test
  void aProcessThatCriuCannotDumpRunsOn() throws Exception {
    target.tell("xdp");

    assertFails(
        dumpOf(StockCriu.program(), CriuMode.AUTO, List.of()),
        SessionOptions.defaults("test").withAllowDeviceWriters(true),
        TestHooks.NONE,
        "and the tree runs on: ");
  }

  @Test
  void aCriuKilledInItsHookLetsTheTreeGo() throws Exception {
    assertFails(
        dumpOf(StockCriu.program(), CriuMode.AUTO, List.of()),
        TestHooks.watched(step -> killCriuAt(step, "the capture")),
        "ended while it held the tree");
  }

  private DumpOf byCgroup(TestCgroup cgroup) {
    DumpOptions options =
        new DumpOptions(
            CriuMode.VEIL,
            AfterDump.RUNNING,
            Optional.of(cgroup.directory()),
            with(List.of("--manage-cgroups=ignore")));
    return () -> CriuDump.prepare(StockCriu.program(), options);
  }

  @ParameterizedTest(name = "v{0}")
  @ValueSource(ints = {1, 2})
  void criuFreezesByACgroupAndHoldsTheTreeItself(int version) throws Exception {
    try (TestCgroup cgroup = TestCgroup.make(version)) {
      cgroup.add(target.pid());
      try (PreDumpSession session = target.attach(images, TestHooks.NONE);
          CriuDump dump = byCgroup(cgroup).prepare()) {
        session.round().orElseThrow();
        target.tell("fill m 2");
        FinalRound last = session.finish(dump, true).orElseThrow();
        assertThat(last.verify().orElseThrow().different()).isZero();
      }
      assertRunsOn();
      assertFails(
          byCgroup(cgroup),
          TestHooks.watched(step -> killCriuAt(step, "the capture")),
          "ended while it held the tree",
          "0001",
          "0002",
          "0003");
    }
  }

  @ParameterizedTest
  @CsvSource({
    "the freeze, VEIL, STOPPED",
    "the capture, VEIL, STOPPED",
    "the capture, VEIL, RUNNING",
    "the capture, VEIL, KILLED",
    "the capture, LAZY, RUNNING",
    "the capture, LAZY, KILLED",
    "the commit, VEIL, STOPPED",
    "the commit, LAZY, STOPPED",
    "the comparison, VEIL, KILLED",
    "the comparison, LAZY, KILLED",
    "the thaw, VEIL, RUNNING",
    "the thaw, LAZY, RUNNING"
  })
  void anEngineKilledAtAnyStepLetsTheTreeGo(String step, CriuMode mode, AfterDump after)
      throws Exception {
    Process engine =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                KilledCheckpoint.class.getName(),
                String.valueOf(target.pid().number()),
                images.toString(),
                step,
                mode.name(),
                after.name())
            .inheritIO()
            .start();

    assertThat(engine.waitFor()).isEqualTo(128 + SIGKILL);

    Targets.await("let go", () -> ProcStatus.read(target.pid()).tracerPid() == 0);
    Targets.await("runs", () -> !Targets.threadStates(target.pid()).matches(".*[tT].*"));
    assertRunsOn();
    assertThat(new ChainVerifier(2).verify(images).problems()).isEmpty();
    try (PreDumpSession session = target.attach(images, TestHooks.NONE)) {
      assertThat(session.round()).as("the partial round is swept").isPresent();
    }
  }

  @ParameterizedTest
  @CsvSource({"VEIL, RUNNING", "VEIL, KILLED", "LAZY, RUNNING", "LAZY, KILLED", "LAZY, STOPPED"})
  void aFullDiskResumesTheTree(CriuMode mode, AfterDump after) throws Exception {
    try (Mounted mounted = Mounted.tmpfs(directory.resolve("mount"), "size=64m")) {
      images = mounted.path.resolve("images");
      assertFails(
          dumpOf(StockCriu.program(), mode, after),
          TestHooks.watched(
              step -> {
                if (step.equals("the capture")) {
                  fill(mounted.path);
                }
              }),
          "No space left on device");
    }
  }

  @ParameterizedTest
  @CsvSource({"VEIL, RUNNING", "VEIL, KILLED", "LAZY, RUNNING", "LAZY, KILLED"})
  void aResidentPageThatNoRoundHoldsFailsTheCheckpoint(CriuMode mode, AfterDump after)
      throws Exception {
    assertFails(
        dumpOf(StockCriu.program(), mode, after),
        TestHooks.without(Protection.REARM),
        "is resident, but no round holds it");
  }

  @Test
  void withoutThatCheckItWouldBeCommitted() throws Exception {
    try (PreDumpSession session =
            target.attach(images, TestHooks.without(Protection.REARM, Protection.RESIDENCY));
        CriuDump dump = prepare(StockCriu.program(), CriuMode.AUTO)) {
      session.round().orElseThrow();
      target.tell("fill m 2");

      assertThat(session.finish(dump, true).orElseThrow().verify().orElseThrow().different())
          .as("control")
          .isPositive();
    }
    assertRunsOn();
    assertOnlyTheLiveRoundIsThere();
  }

  private void assertOnlyTheLiveRoundIsThere() throws IOException {
    assertThat(Targets.names(images)).containsExactlyInAnyOrder("0001", "latest");
    assertThat(Files.readSymbolicLink(images.resolve("latest"))).hasToString("0001");
    assertThat(new ChainVerifier(2).verify(images).problems()).isEmpty();
  }

  /** Ctrl-C while everything is compared. */
  @ParameterizedTest
  @EnumSource(names = {"VEIL", "LAZY"})
  void givingUpTheComparisonLetsTheTreeGoOn(CriuMode mode) throws Exception {
    PreDumpSession[] running = new PreDumpSession[1];
    TestHooks hooks =
        TestHooks.watched(
            step -> {
              if (step.equals("the comparison")) {
                running[0].cancel();
              }
            });
    try (PreDumpSession session = target.attach(images, hooks);
        CriuDump dump = dumpOf(StockCriu.program(), mode, AfterDump.KILLED).prepare()) {
      running[0] = session;
      session.round().orElseThrow();

      assertThat(session.finish(dump, true).orElseThrow().verify()).isEmpty();
    }
    assertRunsOn();
  }

  /** A signal that comes too late to drop the round comes in time to keep the tree. */
  @Test
  void givingUpWithoutAComparisonLetsTheTreeGoOn() throws Exception {
    PreDumpSession[] running = new PreDumpSession[1];
    TestHooks hooks =
        TestHooks.watched(
            step -> {
              if (step.equals("the commit") && running[0] != null) {
                running[0].cancel();
              }
            });
    try (PreDumpSession session = target.attach(images, hooks);
        CriuDump dump = dumpOf(StockCriu.program(), CriuMode.VEIL, AfterDump.KILLED).prepare()) {
      session.round().orElseThrow();
      running[0] = session;
      session.finish(dump, false);
    }
    assertRunsOn();
  }

  @Test
  void guardPagesNeedANewerCriu() throws Exception {
    target.map("g", "anon", PAGES);
    target.tell("guard g");

    assertFails(
        dumpOf(StockCriu.older(), CriuMode.AUTO, List.of()),
        TestHooks.NONE,
        "criu 4.2 or newer is needed; the tree runs on");
  }

  @Test
  void differencesAreFoundBeforeTheTreeEnds() throws Exception {
    DumpOptions kill = DumpOptions.DEFAULT.withExtraArguments(with(List.of()));
    try (PreDumpSession session =
            target.attach(images, TestHooks.without(Protection.REARM, Protection.RESIDENCY));
        CriuDump dump = CriuDump.prepare(StockCriu.program(), kill)) {
      session.round().orElseThrow();
      target.tell("fill m 2");

      FinalRound last = session.finish(dump, true).orElseThrow();
      assertThat(last.verify().orElseThrow().different()).isPositive();
      assertThat(last.kept()).isFalse();
      assertThatThrownBy(session::round).isInstanceOf(IllegalStateException.class);
    }
    assertRunsOn();
    assertOnlyTheLiveRoundIsThere();
  }

  @Test
  void theTreeEndsOnceTheCheckpointIsVerified() throws Exception {
    try (PreDumpSession session = target.attach(images, TestHooks.NONE);
        CriuDump dump =
            CriuDump.prepare(
                StockCriu.program(), DumpOptions.DEFAULT.withExtraArguments(with(List.of())))) {
      session.round().orElseThrow();
      assertThat(session.finish(dump, true).orElseThrow().verify().orElseThrow().different())
          .isZero();
    }
    Targets.await("ended", () -> !target.isAlive());
  }

  private void assertFails(DumpOf dump, TestHooks hooks, String message, String... rounds)
      throws Exception {
    assertFails(dump, SessionOptions.defaults("test"), hooks, message, rounds);
  }

  /** The dump fails with that, the target runs on, the live round is the newest, and good. */
  private void assertFails(
      DumpOf dump, SessionOptions options, TestHooks hooks, String message, String... rounds)
      throws Exception {
    try (PreDumpSession session = target.attach(images, options, hooks);
        CriuDump prepared = dump.prepare()) {
      session.round().orElseThrow();
      target.tell("fill m 2");
      assertThatThrownBy(() -> session.finish(prepared, false))
          .isInstanceOf(IOException.class)
          .hasMessageContaining(message);
    }
    assertRunsOn();
    List<String> expected = new ArrayList<>(List.of(rounds));
    if (expected.isEmpty()) {
      expected.add("0001");
    }
    expected.add("latest");
    assertThat(Targets.names(images)).containsExactlyInAnyOrderElementsOf(expected);
    assertThat(new ChainVerifier(2).verify(images).problems()).isEmpty();
  }

  private void assertRunsOn() throws IOException {
    target.tell("fill m 3");
    ProcStatus status = ProcStatus.read(target.pid());
    assertThat(status.tracerPid()).isZero();
    assertThat(Targets.threadStates(target.pid())).doesNotContain("t", "T");
  }

  private Optional<CriuOrigin> newestOrigin() throws IOException {
    try (ImageChain chain = ImageChain.open(images)) {
      return chain.newest().manifest().criu();
    }
  }

  private void killCriuAt(String step, String when) {
    if (step.equals(when)) {
      try {
        int tracer = ProcStatus.read(target.pid()).tracerPid();
        LibC.kill(tracer, SIGKILL);
        Targets.await("gone", () -> ProcStatus.read(new Pid(tracer)).isDead());
      } catch (IOException e) {
        // ENOENT: reaped already
      }
    }
  }

  private static void fill(Path mount) {
    try {
      Files.write(mount.resolve("ballast"), new byte[(int) mount.toFile().getFreeSpace()]);
    } catch (IOException e) {
      // Full is what it is to be.
    }
  }

  /** A criu that the loader gives nothing to preload, like a static one. */
  private CriuProgram bareCriu() throws IOException {
    Path script = directory.resolve("bare-criu");
    Files.writeString(
        script, "#!/bin/sh\nunset LD_PRELOAD\nexec " + StockCriu.program().path() + " \"$@\"\n");
    Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwx------"));
    return CriuProgram.find(Optional.of(script));
  }

  private static CriuDump prepare(CriuProgram criu, CriuMode mode) throws IOException {
    return dumpOf(criu, mode, List.of()).prepare();
  }

  /** A dump to prepare. */
  private interface DumpOf {
    CriuDump prepare() throws IOException;
  }

  private static DumpOf dumpOf(CriuProgram criu, CriuMode mode, AfterDump after) {
    return () ->
        CriuDump.prepare(
            criu,
            DumpOptions.DEFAULT
                .withMode(mode)
                .withAfterDump(after)
                .withExtraArguments(with(List.of())));
  }

  private static DumpOf dumpOf(CriuProgram criu, CriuMode mode, List<String> arguments) {
    return () ->
        CriuDump.prepare(
            criu,
            DumpOptions.DEFAULT
                .withMode(mode)
                .withAfterDump(AfterDump.RUNNING)
                .withExtraArguments(with(arguments)));
  }

  /** The target leads no session. */
  private static List<String> with(List<String> arguments) {
    List<String> all = new ArrayList<>(arguments);
    all.add("--shell-job");
    return all;
  }
}
