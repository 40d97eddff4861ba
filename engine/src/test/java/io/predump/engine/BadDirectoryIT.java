package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.predump.images.ChainVerifier;
import io.predump.images.ForeignImagesException;
import io.predump.images.ImageChain;
import io.predump.images.RoundRecord;
import io.predump.linux.Pid;
import io.predump.linux.proc.ProcStatus;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Images directories that cannot be used, or fill up: named, nothing lost, nothing left behind. */
final class BadDirectoryIT {
  private static final int SIGUSR1 = 10;
  private static final SessionOptions OPTIONS = SessionOptions.defaults("test");

  @TempDir Path directory;
  private LiveTarget target;

  @BeforeEach
  void start() throws IOException {
    target = Targets.ready("filler", 2, 100);
  }

  /** Whatever was wrong with the directory, the target never notices. */
  @AfterEach
  void theTargetLivesOnUntraced() throws IOException {
    try (LiveTarget t = target) {
      assertThat(ProcStatus.read(t.pid()).tracerPid()).isZero();
      rewrite();
    }
  }

  private void rewrite() throws IOException {
    target.signal(SIGUSR1);
    assertThat(target.nextLine()).isEqualTo("done");
  }

  private PreDumpSession attach(Path images) throws IOException {
    return PreDumpSession.attach(target.pid(), images, OPTIONS);
  }

  private void attachAndLetGo(Path images) throws IOException {
    attach(images).close();
  }

  @Test
  void aMissingParent() throws IOException {
    Path parent = directory.resolve("missing");

    assertThatThrownBy(() -> attachAndLetGo(parent.resolve("images")))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessage(parent + ": No such directory");
    assertThat(Targets.names(directory)).isEmpty();
  }

  @Test
  void aFileInsteadOfADirectory() throws IOException {
    Path file = Files.writeString(directory.resolve("images"), "mine");

    assertThatThrownBy(() -> attachAndLetGo(file))
        .isInstanceOf(NotDirectoryException.class)
        .hasMessage(file.toString());
    assertThat(file).hasContent("mine");
  }

  @Test
  void aDirectoryThatHoldsSomethingElse() throws IOException {
    Path images = Files.createDirectory(directory.resolve("images"));
    Path foreign = Files.writeString(images.resolve("thesis.txt"), "mine");
    Path partial = Files.createDirectory(images.resolve(".0001.partial"));

    assertThatThrownBy(() -> attachAndLetGo(images))
        .isInstanceOf(ForeignImagesException.class)
        .hasMessage(foreign + ": not part of a chain: choose an empty or a new images directory");
    assertThat(foreign).hasContent("mine");
    assertThat(partial).as("nothing is swept in a foreign directory").exists();
  }

  @Test
  void theChainOfAnotherProcess() throws IOException {
    Path images = directory.resolve("images");
    long started;
    Pid other;
    try (LiveTarget first = Targets.ready("filler", 1, 0);
        PreDumpSession session = PreDumpSession.attach(first.pid(), images, OPTIONS)) {
      other = first.pid();
      started = ProcStatus.read(other).startTimeTicks();
      assertThat(session.round()).isPresent();
    }

    assertThatThrownBy(() -> attachAndLetGo(images))
        .isInstanceOf(ForeignImagesException.class)
        .hasMessage(
            "%s: chain of another process: expected pid=%d startTimeTicks=%d, actual pid=%d"
                + " startTimeTicks=%d",
            images,
            target.pid().number(),
            ProcStatus.read(target.pid()).startTimeTicks(),
            other.number(),
            started);
    assertThat(Targets.names(images)).containsExactly("0001", "latest");
    assertThat(new ChainVerifier(1).verify(images).problems()).isEmpty();
  }

  @Test
  void aSecondRunIntoTheSameDirectoryContinuesTheNumberingWithAFullRound() throws IOException {
    Path images = directory.resolve("images");
    try (PreDumpSession session = attach(images)) {
      assertThat(session.round()).isPresent();
      assertThat(session.round()).isPresent();
    }
    rewrite();
    try (PreDumpSession session = attach(images)) {
      assertThat(session.round()).map(RoundRecord::round).hasValue(3);
      rewrite();
      assertThat(session.round()).map(RoundRecord::round).hasValue(4);
      assertThat(session.finish(true).orElseThrow().verify().orElseThrow().firstDifferences())
          .isEmpty();
    }

    assertThat(Targets.names(images))
        .containsExactly("0001", "0002", "0003", "0004", "0005", "latest");
    assertThat(images.resolve("0003").resolve("parent")).doesNotExist();
    assertThat(images.resolve("0004").resolve("parent").toRealPath())
        .isEqualTo(images.resolve("0003").toRealPath());
    try (ImageChain chain = ImageChain.open(images)) {
      assertThat(chain.rounds()).hasSize(3);
    }
    assertThat(new ChainVerifier(1).verify(images).problems()).isEmpty();
  }

  @Test
  void aPartialRoundOfAKilledRunIsSwept() throws IOException {
    Path images = directory.resolve("images");
    try (PreDumpSession session = attach(images)) {
      assertThat(session.round()).isPresent();
    }
    Path partial = Files.createDirectory(images.resolve(".0002.partial"));
    Files.writeString(partial.resolve("pages-1.img.zst"), "half");

    try (PreDumpSession session = attach(images)) {
      assertThat(partial).doesNotExist();
      assertThat(session.round()).map(RoundRecord::round).hasValue(2);
    }
  }

  @Test
  void aSecondRunAtTheSameTimeIsRefused() throws IOException {
    Path images = directory.resolve("images");
    try (PreDumpSession session = attach(images)) {
      assertThat(session.round()).isPresent();

      assertThatThrownBy(() -> attachAndLetGo(images))
          .isInstanceOf(IOException.class)
          .hasMessage(images + ": another run is writing here");
      assertThat(ProcStatus.read(target.pid()).tracerPid()).isZero();
      assertThat(session.round()).as("the first one goes on").isPresent();
    }
    attachAndLetGo(images);
  }

  @Test
  void aReadOnlyFileSystem() throws Exception {
    try (Mounted mounted = Mounted.tmpfs(directory.resolve("mount"), "size=4m")) {
      Path old = Files.createDirectory(mounted.path.resolve("old"));
      mounted.remount("ro");
      Path images = mounted.path.resolve("images");

      assertThatThrownBy(() -> attachAndLetGo(images))
          .isInstanceOf(FileSystemException.class)
          .hasMessage(images + ": Read-only file system");
      try (PreDumpSession session = attach(old)) {
        assertThatThrownBy(session::round)
            .isInstanceOf(FileSystemException.class)
            .hasMessage(old.resolve(".0001.partial") + ": Read-only file system");
        assertThat(session.ended()).isEmpty();
      }
    }
  }

  @Test
  void aFirstRoundThatFindsTheDiskFullLeavesNothing() throws Exception {
    try (Mounted mounted = Mounted.tmpfs(directory.resolve("mount"), "size=4m");
        LiveTarget large = Targets.ready("filler", 32, 0)) {
      Path images = mounted.path.resolve("images");
      try (PreDumpSession session = PreDumpSession.attach(large.pid(), images, OPTIONS)) {
        assertNoSpace(session, images.resolve(".0001.partial/pages-1.img.zst"));
        assertThat(Targets.names(images)).isEmpty();
        assertNoSpace(session, images.resolve(".0001.partial/pages-1.img.zst"));
        assertThat(Targets.names(images)).isEmpty();
      }
      assertThat(ProcStatus.read(large.pid()).tracerPid()).isZero();
      assertThat(large.isAlive()).isTrue();
    }
  }

  @Test
  void afterADiskWasFullTheNextRoundOfTheSameSessionIsComplete() throws Exception {
    try (Mounted mounted = Mounted.tmpfs(directory.resolve("mount"), "size=4m")) {
      Path images = mounted.path.resolve("images");
      try (PreDumpSession session = attach(images)) {
        assertThat(session.round()).isPresent();
        Path ballast = fill(mounted.path);
        rewrite();

        assertNoSpace(session, images.resolve(".0002.partial/pages-1.img.zst"));
        assertThat(Targets.names(images)).containsExactly("0001", "latest");
        assertThat(new ChainVerifier(1).verify(images).problems()).isEmpty();
        assertThat(session.ended()).isEmpty();
        Files.delete(ballast);

        // not rewritten in between: what the lost round had consumed must still be known
        RoundRecord next = session.round().orElseThrow();
        assertThat(next.round()).isEqualTo(2);
        assertThat(next.pages().stored()).isGreaterThan(400);
        assertThat(session.finish(true).orElseThrow().verify().orElseThrow().firstDifferences())
            .isEmpty();
      }
      assertThat(Targets.names(images)).containsExactly("0001", "0002", "0003", "latest");
      assertThat(new ChainVerifier(1).verify(images).problems()).isEmpty();
    }
  }

  @Test
  void aFreezeThatFindsTheDiskFullLetsTheTargetGoAndCanBeRepeated() throws Exception {
    for (boolean verify : new boolean[] {false, true}) {
      try (Mounted mounted = Mounted.tmpfs(directory.resolve("mount"), "size=4m")) {
        Path images = mounted.path.resolve("images");
        try (PreDumpSession session = attach(images)) {
          assertThat(session.round()).isPresent();
          Path ballast = fill(mounted.path);
          rewrite();

          assertThatThrownBy(() -> session.finish(verify))
              .isInstanceOf(FileSystemException.class)
              .hasMessageContaining("No space left on device");
          assertThat(Targets.names(images)).containsExactly("0001", "latest");
          assertThat(ProcStatus.read(target.pid()).tracerPid()).isZero();
          Files.delete(ballast);
          assertThat(session.finish(true).orElseThrow().verify().orElseThrow().firstDifferences())
              .isEmpty();
        }
      }
    }
  }

  private static void assertNoSpace(PreDumpSession session, Path file) {
    FileSystemException full = catchThrowableOfType(FileSystemException.class, session::round);
    assertThat(full).hasMessage(file + ": write: No space left on device");
  }

  /** Leaves no more than 64 KiB. */
  private static Path fill(Path mount) throws IOException {
    Path ballast = mount.resolve("ballast");
    long room = Files.getFileStore(mount).getUsableSpace();
    return Files.write(ballast, new byte[Math.toIntExact(room - (64 << 10))]);
  }
}
