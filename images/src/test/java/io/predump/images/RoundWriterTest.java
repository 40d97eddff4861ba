package io.predump.images;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RoundWriterTest {
  @TempDir Path temp;

  /** Counts the calls that change the disk and fails, or dies, at one of them. */
  private static class FailingStorage extends Storage {
    private final int failAt;
    private int calls;
    private final List<String> log = new ArrayList<>();

    FailingStorage(int failAt) {
      this.failAt = failAt;
    }

    private void step(String call, Path path) throws IOException {
      log.add(call + " " + path.getFileName());
      if (calls++ == failAt) {
        throw new FileSystemException(path.toString(), null, call + ": Input/output error");
      }
    }

    @Override
    void createDirectory(Path directory) throws IOException {
      step("mkdir", directory);
      super.createDirectory(directory);
    }

    @Override
    FileChannel createFile(Path file) throws IOException {
      step("create", file);
      return super.createFile(file);
    }

    @Override
    void createLink(Path link, String target) throws IOException {
      step("symlink", link);
      super.createLink(link, target);
    }

    @Override
    void write(FileChannel channel, Path file, ByteBuffer bytes) throws IOException {
      step("write", file);
      super.write(channel, file, bytes);
    }

    @Override
    void sync(FileChannel channel, Path file) throws IOException {
      step("fsync", file);
      super.sync(channel, file);
    }

    @Override
    void rename(Path from, Path to) throws IOException {
      step("rename", from);
      super.rename(from, to);
    }
  }

  @Test
  void syncsEveryFileThenTheManifestThenRenamesThenSyncsTheDirectory() throws IOException {
    Path dir = temp.resolve("chain");
    ChainDirectory chain = ChainDirectory.openOrCreate(dir);
    TestChains.first(chain, new Storage());
    FailingStorage storage = new FailingStorage(-1);
    TestChains.second(chain, storage);
    assertThat(storage.log.stream().filter(s -> !s.startsWith("write")))
        .containsExactly(
            "mkdir .0002.partial",
            "symlink parent",
            "create pages-1.img.zst",
            "create pagemap-42.img",
            "create pages-2.img.zst",
            "create pagemap-shmem-9.img",
            "create mm-42.img",
            "fsync mm-42.img",
            "create inventory.img",
            "fsync inventory.img",
            "create stats-dump",
            "fsync stats-dump",
            "fsync pages-1.img.zst",
            "fsync pagemap-42.img",
            "fsync pages-2.img.zst",
            "fsync pagemap-shmem-9.img",
            "create round.img",
            "fsync round.img",
            "fsync .0002.partial",
            "rename .0002.partial",
            "fsync chain",
            "symlink .0002.partial",
            "rename .0002.partial");
  }

  @Test
  void aFailureAtAnyStepLeavesTheChainAsItWas() throws IOException {
    int failures = 0;
    for (int step = 0; ; step++) {
      Path dir = temp.resolve("failing" + step);
      ChainDirectory chain = ChainDirectory.openOrCreate(dir);
      TestChains.first(chain, new Storage());
      FailingStorage storage = new FailingStorage(step);
      boolean committed = false;
      try {
        TestChains.second(chain, storage);
        committed = true;
      } catch (FileSystemException e) {
        failures++;
        assertThat(e)
            .hasMessageContaining(dir.toString())
            .hasMessageContaining("Input/output error");
      }
      assertThat(names(dir).stream().filter(n -> n.endsWith(".partial") && !committedLink(dir, n)))
          .as("step %d", step)
          .isEmpty();
      assertThat(new ChainVerifier(1).verify(dir).problems()).as("step %d", step).isEmpty();
      assertThat(chain.roundNumbers()).hasSize(committed ? 2 : 1);
      if (!committed) {
        TestChains.second(chain, new Storage());
      }
      assertThat(TestChains.read(dir, TestChains.NAME))
          .containsExactlyEntriesOf(TestChains.expectedPages());
      if (storage.calls <= step) {
        break;
      }
    }
    assertThat(failures).isGreaterThan(25);
  }

  private static boolean committedLink(Path dir, String name) {
    return Files.isSymbolicLink(dir.resolve(name));
  }

  /** As after SIGKILL: nobody closes anything. */
  @Test
  void aCrashAtAnyStepLeavesAtMostAPartialThatIsSwept() throws IOException {
    int crashes = 0;
    for (int step = 0; ; step++) {
      Path dir = temp.resolve("crashing" + step);
      TestChains.first(ChainDirectory.openOrCreate(dir), new Storage());
      FailingStorage storage =
          new FailingStorage(step) {
            @Override
            void deleteTree(Path path) {}
          };
      boolean finished = false;
      try {
        TestChains.second(ChainDirectory.openOrCreate(dir), storage);
        finished = storage.calls <= step;
      } catch (IOException e) {
        crashes++;
      }
      assertThat(new ChainVerifier(1).verify(dir).problems()).as("step %d", step).isEmpty();
      ChainDirectory next = ChainDirectory.openOrCreate(dir);
      List<String> before = names(dir);
      List<String> swept = next.sweepPartials();
      assertThat(swept).as("step %d", step).isSubsetOf(List.of(".0002.partial"));
      before.removeAll(swept);
      assertThat(names(dir)).isEqualTo(before);
      assertThat(new ChainVerifier(1).verify(dir).problems()).as("step %d", step).isEmpty();
      if (next.nextRound() == 2) {
        TestChains.second(next, new Storage());
      }
      assertThat(TestChains.read(dir, TestChains.NAME))
          .containsExactlyEntriesOf(TestChains.expectedPages());
      if (finished) {
        break;
      }
    }
    assertThat(crashes).isGreaterThan(25);
  }

  @Test
  void aFullDiskIsNamedWithPathAndReasonAndNothingIsLeft() throws IOException {
    for (String full :
        List.of("pages-1.img.zst", "pagemap-42.img", "mm-42.img", "stats-dump", "round.img")) {
      Path dir = temp.resolve("full-" + full);
      ChainDirectory chain = ChainDirectory.openOrCreate(dir);
      TestChains.first(chain, new Storage());
      Storage storage =
          new Storage() {
            @Override
            FileChannel createFile(Path file) throws IOException {
              return file.endsWith(full)
                  ? FileChannel.open(Path.of("/dev/full"), StandardOpenOption.WRITE)
                  : super.createFile(file);
            }
          };
      assertThatThrownBy(() -> TestChains.second(chain, storage))
          .isInstanceOf(FileSystemException.class)
          .hasMessage(
              dir.resolve(".0002.partial").resolve(full) + ": write: No space left on device");
      assertThat(names(dir)).containsExactly("0001", "latest");
      assertThat(new ChainVerifier(1).verify(dir).problems()).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"000", "022", "077"})
  void directoriesAre0700AndFiles0600WhateverTheUmask(String umask) throws Exception {
    Path dir = temp.resolve("chain");
    Process process =
        new ProcessBuilder(
                "sh",
                "-c",
                "umask " + umask + " && exec \"$@\"",
                "sh",
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                WriteTwoRounds.class.getName(),
                dir.toString())
            .redirectErrorStream(true)
            .redirectOutput(temp.resolve("out").toFile())
            .start();
    assertThat(process.waitFor()).as(Files.readString(temp.resolve("out"))).isZero();
    try (Stream<Path> walk = Files.walk(dir)) {
      for (Path p : (Iterable<Path>) walk::iterator) {
        if (!Files.isSymbolicLink(p)) {
          assertThat(
                  PosixFilePermissions.toString(
                      Files.getPosixFilePermissions(p, LinkOption.NOFOLLOW_LINKS)))
              .as(p.toString())
              .isEqualTo(Files.isDirectory(p) ? "rwx------" : "rw-------");
        }
      }
    }
  }

  /** A program of its own: a JVM cannot change its umask. */
  static final class WriteTwoRounds {
    private WriteTwoRounds() {}

    public static void main(String[] args) throws IOException {
      TestChains.twoRounds(Path.of(args[0]));
    }
  }

  @Test
  void closingWithoutCommitLeavesNothing() throws IOException {
    Path dir = temp.resolve("chain");
    ChainDirectory chain = ChainDirectory.openOrCreate(dir);
    try (RoundWriter w = RoundWriter.begin(chain, OptionalInt.empty())) {
      PagesWriter p = w.pages(TestChains.NAME);
      TestChains.append(p, List.of(TestChains.page(1)), 1);
      assertThat(names(dir)).containsExactly(".0001.partial");
    }
    assertThat(names(dir)).isEmpty();
    assertThat(chain.nextRound()).isEqualTo(1);
  }

  @Test
  void aRoundWithMorePagesListedThanStoredIsRefused() throws IOException {
    Path dir = temp.resolve("chain");
    try (RoundWriter w = RoundWriter.begin(ChainDirectory.openOrCreate(dir), OptionalInt.empty())) {
      PagesWriter p = w.pages(TestChains.NAME);
      TestChains.append(p, List.of(TestChains.page(1)), 1);
      p.entry(TestChains.HEAP, 2, PageKind.PRESENT);
      assertThatThrownBy(p::finish)
          .isInstanceOf(IllegalStateException.class)
          .hasMessage(
              dir.resolve(".0001.partial/pages-1.img.zst") + ": sourceBytes=4096 presentPages=2");
      assertThatThrownBy(() -> w.commit(TestChains.draft(false), TestChains.record(1, 0)))
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("pagemap-42.img: not finished");
    }
    assertThat(names(dir)).isEmpty();
  }

  @Test
  void entriesMustAscendAndBeAligned() throws IOException {
    try (RoundWriter w =
        RoundWriter.begin(
            ChainDirectory.openOrCreate(temp.resolve("chain")), OptionalInt.empty())) {
      PagesWriter p = w.pages(TestChains.NAME);
      p.entry(0x2000, 2, PageKind.PARENT);
      assertThatThrownBy(() -> p.entry(0x3000, 1, PageKind.PARENT))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("entry: vaddr=0x3000 is below 0x4000, the end of the run before");
      assertThatThrownBy(() -> p.entry(0x4001, 1, PageKind.PARENT))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("entry: vaddr=0x4001 pageCount=1");
      for (long count : new long[] {0, -1, Long.MAX_VALUE, 1L << 60}) {
        assertThatThrownBy(() -> p.entry(0x8000, count, PageKind.PARENT))
            .isInstanceOf(IllegalArgumentException.class);
      }
      p.entry(0xffff_ffff_ff60_0000L, 1, PageKind.PARENT);
      assertThatThrownBy(() -> p.entry(0x10000, 1, PageKind.PARENT))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> w.pages(TestChains.NAME))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("pagemap-42.img: twice in a round");
    }
  }

  @Test
  void adjacentRunsOfOneKindBecomeOneEntry() throws IOException {
    Path dir = temp.resolve("chain");
    ChainDirectory chain = ChainDirectory.openOrCreate(dir);
    try (RoundWriter w = RoundWriter.begin(chain, OptionalInt.empty())) {
      PagesWriter p = w.pages(TestChains.NAME);
      List<byte[]> pages = new ArrayList<>();
      for (int i = 0; i < 100; i++) {
        pages.add(TestChains.page(i));
        p.entry(TestChains.HEAP + i * 4096L, 1, PageKind.PRESENT);
      }
      TestChains.append(p, pages, 30);
      p.finish();
      w.mm(TestChains.PID, TestChains.mm(TestChains.HEAP, 100));
      w.commit(TestChains.draft(false), TestChains.record(1, 0));
    }
    // magics, head, one entry: vaddr takes 1 + 7 bytes, the three other fields 2 each
    assertThat(Files.size(dir.resolve("0001/pagemap-42.img")))
        .isEqualTo(8 + (4 + 2) + (4 + 8 + 2 + 2 + 2));
  }

  @Test
  void onlyTheNewestRoundCanBeAParent() throws IOException {
    Path dir = temp.resolve("chain");
    TestChains.twoRounds(dir);
    ChainDirectory chain = ChainDirectory.openOrCreate(dir);
    assertThatThrownBy(() -> RoundWriter.begin(chain, OptionalInt.of(1)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("parent round=1: the newest round is 2");
    assertThatThrownBy(() -> RoundWriter.begin(ChainDirectory.open(dir), OptionalInt.of(2)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(dir + ": opened for reading");
    assertThat(names(dir)).containsExactly("0001", "0002", "latest");
  }

  @Test
  void commitReturnsWhatIsStored() throws IOException {
    Path dir = temp.resolve("chain");
    ChainDirectory chain = ChainDirectory.openOrCreate(dir);
    Manifest returned;
    try (RoundWriter w = RoundWriter.begin(chain, OptionalInt.empty())) {
      w.inventory(new InventoryImage(0, 1));
      returned = w.commit(TestChains.draft(true), TestChains.record(1, 999));
      assertThat(w.warnings()).isEmpty();
      assertThat(w.syncMicros()).isGreaterThanOrEqualTo(returned.record().syncMicros());
      assertThat(w.bytesWritten())
          .isEqualTo(
              Files.size(dir.resolve("0001/inventory.img"))
                  + Files.size(dir.resolve("0001/round.img")));
    }
    assertThat(ChainDirectory.open(dir).newestManifest()).contains(returned);
    assertThat(chain.newestManifest()).contains(returned);
    assertThat(Files.readSymbolicLink(dir.resolve("latest"))).isEqualTo(Path.of("0001"));
  }

  private static List<String> names(Path dir) throws IOException {
    List<String> names = new ArrayList<>();
    for (Path p : ChainDirectory.entries(dir)) {
      names.add(p.getFileName().toString());
    }
    return names;
  }
}
