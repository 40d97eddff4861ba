package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.images.ChainVerifier;
import io.predump.images.ImageChain;
import io.predump.images.PagesName;
import io.predump.images.ProcessIdentity;
import io.predump.linux.Pid;
import io.predump.linux.proc.MemoryMap;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.proc.ProcessTree;
import io.predump.linux.proc.Vma;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A process and everything below it, while it has children and loses them. */
final class TreeIT {
  private static final SessionOptions OPTIONS = SessionOptions.defaults("test");
  private static final int PRIVATE_PAGES = 1024;
  private static final int SHARED_PAGES = 64;

  @TempDir Path directory;
  private Path images;
  private LiveTarget target;
  private Pid root;

  @BeforeEach
  void start() throws IOException {
    images = directory.resolve("images");
    target = Targets.ready("family");
    root = target.pid();
  }

  @AfterEach
  void end() throws IOException {
    target.close();
  }

  @Test
  @Tag("linux-6.12")
  void everyProcessOfATreeThatWasThereAtAttachIsHeld() throws IOException {
    Pid child = fork(root);
    Pid grandchild = fork(child);
    FinalRound last;
    try (PreDumpSession session = attach(OPTIONS)) {
      assertThat(session.round()).isPresent();
      assertThat(session.round()).isPresent();
      last = session.finish(true).orElseThrow();
    }
    assertSame(last);
    assertThat(last.freeze().threadCount()).isEqualTo(3);
    assertHeld(root, child, grandchild);
    assertRunOn(root, child, grandchild);
  }

  @Test
  @Tag("linux-6.12")
  void childrenBornBetweenRoundsJoinAndThoseThatExitLeave() throws IOException {
    Pid leaver = fork(root);
    try (PreDumpSession session = attach(OPTIONS)) {
      assertThat(session.round()).isPresent();
      assertHeld(root, leaver);

      Pid child = fork(root);
      assertThat(session.round()).isPresent();
      assertHeld(root, leaver, child);

      Pid grandchild = fork(child);
      exit(leaver);
      assertThat(session.round()).isPresent();
      assertHeld(root, child, grandchild);

      FinalRound last = session.finish(true).orElseThrow();
      assertSame(last);
      assertHeld(root, child, grandchild);
      session.close();
      assertRunOn(root, child, grandchild);
    }
  }

  @Test
  void aChildBornBetweenTheLastRoundAndTheFreezeIsCaught() throws IOException {
    Pid child = fork(root);
    Pid late;
    Pid later;
    FinalRound last;
    try (PreDumpSession session = attach(OPTIONS)) {
      assertThat(session.round()).isPresent();
      late = fork(root);
      later = fork(child);
      last = session.finish(true).orElseThrow();
    }
    assertSame(last);
    assertThat(last.freeze().threadCount()).isEqualTo(4);
    assertHeld(root, child, late, later);
    try (ImageChain chain = ImageChain.open(images)) {
      assertThat(chain.pages(PagesName.ofProcess(late.number())).pageCount())
          .as("what it inherited and never wrote, too")
          .isGreaterThanOrEqualTo(PRIVATE_PAGES);
    }
    assertRunOn(root, child, late, later);
  }

  @Test
  void childrenBornWhileTheTreeIsBeingFrozenAreCaught() throws Exception {
    for (int i = 0; i < 5; i++) {
      Mother mother = new Mother();
      FinalRound last;
      try (PreDumpSession session =
          PreDumpSession.attach(root, directory.resolve("images" + i), OPTIONS)) {
        assertThat(session.round()).isPresent();
        mother.start();
        last = session.finish(true).orElseThrow();
      } finally {
        mother.done();
      }
      assertSame(last);
      assertRunOn(ProcessTree.descendants(root).toArray(new Pid[0]));
    }
  }

  @ParameterizedTest(name = "{0} ms into the round")
  @ValueSource(ints = {0, 2, 5, 10, 20, 40})
  @Tag("linux-6.12")
  void aChildThatExitsInTheMiddleOfARoundSpoilsNothing(int millis) throws Exception {
    Pid child = fork(root);
    Pid leaver = fork(root);
    Pid orphan = fork(leaver);
    FinalRound last;
    try (PreDumpSession session = attach(OPTIONS)) {
      if (millis % 4 == 0) {
        assertThat(session.round()).as("known to the round before").isPresent();
      }
      Thread teller = exitLater(leaver, millis);
      assertThat(session.round()).isPresent();
      teller.join();
      gone(leaver);
      gone(orphan);
      assertThat(session.round()).isPresent();
      assertHeld(root, child);
      last = session.finish(true).orElseThrow();
    }
    assertSame(last);
    assertHeld(root, child);
    assertRunOn(root, child);
  }

  @ParameterizedTest(name = "before the freeze={0}")
  @ValueSource(booleans = {false, true})
  @Tag("linux-6.12")
  void aChildThatExecutesAnotherProgramJoinsAnew(boolean beforeTheFreeze) throws IOException {
    Pid child = fork(root);
    FinalRound last;
    try (PreDumpSession session = attach(OPTIONS)) {
      assertThat(session.round()).isPresent();
      assertThat(name(child)).isEqualTo(name(root));
      exec(child);
      if (!beforeTheFreeze) {
        assertThat(session.round()).isPresent();
        assertThat(name(child)).isEqualTo("sleep");
        assertThat(session.round()).isPresent();
      }
      last = session.finish(true).orElseThrow();
    }
    assertSame(last);
    assertHeld(root, child);
    assertThat(name(child)).isEqualTo("sleep");
    try (ImageChain chain = ImageChain.open(images)) {
      assertThat(chain.pages(PagesName.ofProcess(child.number())).pageCount())
          .as("nothing of the program before")
          .isLessThan(PRIVATE_PAGES);
    }
    assertThat(ProcStatus.read(child).tracerPid()).isZero();
    assertThat(Targets.threadStates(child)).isEqualTo("S");
    assertRunOn(root);
  }

  @Test
  @Tag("linux-6.12")
  void whatSeveralProcessesShareIsHeldOnce() throws IOException {
    Pid child = fork(root);
    Pid grandchild = fork(child);
    try (PreDumpSession session = attach(OPTIONS)) {
      assertThat(session.round()).isPresent();
      assertSharedOnce(SHARED_PAGES);
      fork(grandchild);
      assertThat(session.round()).isPresent();
      assertSharedOnce(SHARED_PAGES);
      assertSame(session.finish(true).orElseThrow());
      assertSharedOnce(SHARED_PAGES);
    }
  }

  /** Each has bytes of its own in the memory they inherited: none is taken for another's. */
  @Test
  @Tag("linux-6.12")
  void memoryCopiedOnWriteAfterAForkIsEachProcessesOwn() throws IOException {
    Pid child = fork(root);
    Pid other = fork(root);
    FinalRound last;
    try (PreDumpSession session = attach(OPTIONS)) {
      for (int round = 1; round <= 4; round++) {
        assertThat(session.round()).isPresent();
        LiveTarget.pause(100);
      }
      last = session.finish(true).orElseThrow();
    }
    assertSame(last);
    try (ImageChain chain = ImageChain.open(images)) {
      for (Pid pid : List.of(root, child, other)) {
        assertThat(chain.pages(PagesName.ofProcess(pid.number())).pageCount())
            .isGreaterThanOrEqualTo(PRIVATE_PAGES);
      }
    }
    assertRunOn(root, child, other);
  }

  @Test
  @Tag("linux-6.12")
  void aloneTheRootIsHeldAndNobodyElseIsTouched() throws IOException {
    Pid child = fork(root);
    FinalRound last;
    try (PreDumpSession session = attach(OPTIONS.withSingle(true))) {
      assertThat(session.round()).isPresent();
      fork(root);
      assertThat(session.round()).isPresent();
      assertHeld(root);
      last = session.finish(false).orElseThrow();
    }
    assertThat(last.freeze().threadCount()).isEqualTo(1);
    assertHeld(root);
    assertRunOn(root, child);
  }

  private PreDumpSession attach(SessionOptions options) throws IOException {
    return PreDumpSession.attach(root, images, options);
  }

  private Pid fork(Pid mother) throws IOException {
    return new Pid(Integer.parseInt(target.ask("fork " + mother.number())));
  }

  private void exit(Pid pid) throws IOException {
    assertThat(target.ask("exit " + pid.number())).isEqualTo("told");
    gone(pid);
  }

  private void exec(Pid pid) throws IOException {
    assertThat(target.ask("exec " + pid.number())).isEqualTo("told");
    Targets.await("exec'ed", () -> ProcStatus.read(pid).name().equals("sleep"));
    Targets.await("asleep", () -> Targets.threadStates(pid).equals("S"));
  }

  private static void gone(Pid pid) throws IOException {
    Targets.await("pid=" + pid + " is gone", () -> !Files.exists(Path.of(pid.procPath(""))));
  }

  private Thread exitLater(Pid pid, int millis) {
    Thread teller =
        new Thread(
            () -> {
              LiveTarget.pause(millis);
              try {
                target.ask("exit " + pid.number());
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            });
    teller.start();
    return teller;
  }

  /** Asks the root for children one after the other, until told to be done. */
  private final class Mother extends Thread {
    private volatile boolean enough;
    private volatile boolean failed;

    @Override
    public void run() {
      try {
        List<Pid> born = new ArrayList<>();
        while (!enough) {
          born.add(fork(root));
          if (born.size() > 4) {
            exit(born.remove(0));
          }
        }
        for (Pid pid : born) {
          exit(pid);
        }
      } catch (IOException e) {
        failed = true;
      }
    }

    void done() throws InterruptedException {
      enough = true;
      join();
      assertThat(failed).isFalse();
    }
  }

  private static void assertSame(FinalRound last) {
    VerifyResult verify = last.verify().orElseThrow();
    assertThat(verify.firstDifferences()).isEmpty();
    assertThat(verify.different()).isZero();
    assertThat(last.record().pages().owed()).isZero();
  }

  /** The newest round names exactly these processes, the root first, and is sound. */
  private void assertHeld(Pid... pids) throws IOException {
    List<Integer> numbers = new ArrayList<>();
    for (Pid pid : pids) {
      numbers.add(pid.number());
    }
    try (ImageChain chain = ImageChain.open(images)) {
      List<ProcessIdentity> processes = chain.newest().manifest().processes();
      assertThat(processes.get(0).pid()).isEqualTo(root.number());
      assertThat(processes.stream().map(ProcessIdentity::pid))
          .containsExactlyInAnyOrderElementsOf(numbers);
      for (ProcessIdentity process : processes) {
        assertThat(chain.names()).contains(PagesName.ofProcess(process.vpid()));
        assertThat(chain.newest().mm(process.vpid())).isPresent();
      }
    }
    assertThat(new ChainVerifier(2).verify(images).problems()).isEmpty();
  }

  /** {@return the name the newest round has for a process} */
  private String name(Pid pid) throws IOException {
    try (ImageChain chain = ImageChain.open(images)) {
      return chain.newest().manifest().processes().stream()
          .filter(process -> process.pid() == pid.number())
          .findFirst()
          .orElseThrow()
          .name();
    }
  }

  private void assertSharedOnce(int pages) throws IOException {
    Vma shared =
        MemoryMap.read(root).vmas().stream()
            .filter(vma -> vma.shared() && vma.bytes() == (long) pages * PageTable.PAGE_BYTES)
            .findFirst()
            .orElseThrow();
    try (ImageChain chain = ImageChain.open(images)) {
      assertThat(chain.names().stream().filter(name -> name.kind() == PagesName.Kind.SHARED))
          .containsExactly(PagesName.ofShared(shared.inode()));
      assertThat(chain.pages(PagesName.ofShared(shared.inode())).pageCount())
          .as("the pages written so far")
          .isBetween(1L, (long) pages);
    }
  }

  /** Neither traced nor stopped, and at work. */
  private static void assertRunOn(Pid... pids) throws IOException {
    for (Pid pid : pids) {
      assertThat(ProcStatus.read(pid).tracerPid()).isZero();
      assertThat(Targets.threadStates(pid)).doesNotContain("T").doesNotContain("t");
      long before = Targets.work(pid);
      Targets.await("pid=" + pid + " makes progress", () -> Targets.work(pid) > before + 2);
    }
  }
}
