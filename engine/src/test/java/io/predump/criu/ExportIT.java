package io.predump.criu;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.criu.Programs.Ended;
import io.predump.images.CriuImages;
import io.predump.images.CriuTask.PrivateMapping;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What an ordinary run exports is what CRIU itself would have written, and it builds on it. */
final class ExportIT {
  private static final int SIGKILL = 9;
  private static final int SIGCONT = 18;
  private static final int SIGSTOP = 19;

  @TempDir Path temp;
  private Path images = Path.of("");
  private Path dump = Path.of("");
  private Path work = Path.of("");

  @BeforeEach
  void makeDirectories() throws IOException {
    images = temp.resolve("images");
    dump = Files.createDirectory(temp.resolve("dump"));
    work = Files.createDirectory(temp.resolve("work"));
  }

  private void run(SelfChecking target) {
    succeeded(
        Programs.predump(
            "run", "-t", target.pid().toString(), "-D", images.toString(), "--rounds", "2"));
  }

  private static void succeeded(Ended ended) {
    assertThat(ended.exitCode()).as(ended.out() + ended.err()).isZero();
  }

  private Path export(String name, String... more) {
    Path out = temp.resolve(name);
    succeeded(
        Programs.predump(
            Stream.concat(
                    Stream.of("export", images.toString(), "--to", "criu", "-o", out.toString()),
                    Arrays.stream(more))
                .toArray(String[]::new)));
    return out;
  }

  private void criuDump(SelfChecking target, Path directory, String... more) throws IOException {
    succeeded(
        Programs.run(
            work,
            Stream.concat(
                    Stream.of(
                        StockCriu.program().path().toString(),
                        "dump",
                        "-t",
                        target.pid().toString(),
                        "-D",
                        directory.toString(),
                        "-W",
                        work.toString()),
                    Arrays.stream(more))
                .toList()));
  }

  /** {@return the pages CRIU holds and the export has not, or has other bytes of} */
  private static List<Long> missing(RawMemory criu, RawMemory ours, CriuImages images) {
    List<PrivateMapping> mappings = images.tasks().get(0).privateMappings();
    byte[] zeros = new byte[RawMemory.PAGE];
    return criu.pages().entrySet().stream()
        .filter(
            page -> {
              byte[] held = ours.pages().get(page.getKey());
              if (held != null) {
                return !Arrays.equals(page.getValue(), held);
              }
              // what is zero in anonymous memory comes back as zero by itself
              return !isAnonymous(page, mappings) || !Arrays.equals(page.getValue(), zeros);
            })
        .map(Map.Entry::getKey)
        .toList();
  }

  private static boolean isAnonymous(Map.Entry<Long, byte[]> page, List<PrivateMapping> mappings) {
    return mappings.stream()
        .anyMatch(m -> m.anonymous() && page.getKey() >= m.start() && page.getKey() < m.end());
  }

  @Test
  void everyPageThatCriuHoldsOfAStoppedProcessIsThereWithTheSameBytes() throws IOException {
    try (SelfChecking target = SelfChecking.start("16")) {
      int vpid = target.pid().number();
      run(target);
      Path earlier = export("earlier");
      target.signal(SIGSTOP);
      // CRIU writes a page of the program to call from, and puts back what was there: one more
      // page of the process's own
      criuDump(target, Files.createDirectory(temp.resolve("before")), "-R");
      run(target);
      Path out = export("out");
      criuDump(target, dump, "-R");

      RawMemory criu = RawMemory.read(dump, vpid);
      CriuImages mappings = CriuImages.open(dump);
      assertThat(criu.pages()).hasSizeGreaterThan(4000);
      assertThat(missing(criu, RawMemory.read(out, vpid), mappings)).isEmpty();
      assertThat(missing(criu, RawMemory.read(earlier, vpid), mappings))
          .as("control: it has written since")
          .isNotEmpty();

      target.signal(SIGCONT);
      assertThat(target.check()).isEqualTo("right");
    }
  }

  @Test
  void critShowsEveryFile() throws IOException {
    try (SelfChecking target = SelfChecking.start("8")) {
      run(target);
      Path out = export("out");
      for (String name :
          List.of(
              "pagemap-" + target.pid() + ".img",
              "mm-" + target.pid() + ".img",
              "inventory.img",
              "stats-dump")) {
        Ended crit = crit(out.resolve(name));
        assertThat(crit.exitCode()).as(crit.out()).isZero();
        assertThat(crit.out()).contains("\"entries\": [");
      }
      assertThat(crit(out.resolve("pagemap-" + target.pid() + ".img")).out())
          .contains("PE_PRESENT")
          .doesNotContain("PE_PARENT");
      Path file = out.resolve("mm-" + target.pid() + ".img");
      byte[] bad = Files.readAllBytes(file);
      bad[5] ^= 1;
      Files.write(file, bad);
      assertThat(crit(file).exitCode()).as("control: a magic of nobody").isNotZero();
    }
  }

  private Ended crit(Path file) throws IOException {
    return Programs.run(
        work, List.of(StockCriu.crit().toString(), "decode", "-i", file.toString(), "--pretty"));
  }

  /**
   * Somebody else's final dump on top of our rounds: it keeps only the pages that our newest round
   * has not, and leaves the rest to it.
   */
  @ParameterizedTest
  @ValueSource(strings = {"right", "control: a page left to the parent that has another"})
  void criusOwnDumpBuildsOnAnExportedChain(String what) throws IOException {
    try (SelfChecking target = SelfChecking.start("32")) {
      int vpid = target.pid().number();
      target.signal(SIGSTOP);
      run(target);
      Path chain = export("chain", "--keep-chain");
      Path newest = newestRound(chain);
      assertThat(newest.resolve("parent")).isSymbolicLink();
      Path last = Files.createDirectory(chain.resolve("last"));
      target.signal(SIGCONT);
      LiveTarget.pause(5);
      target.signal(SIGSTOP);
      criuDump(target, last);
      target.awaitGone();
      RawMemory own = RawMemory.read(last, vpid);
      RawMemory parent = RawMemory.read(newest, vpid);
      if (what.startsWith("control")) {
        long address = aWordPageThatDiffers(own, parent, CriuImages.open(last));
        parent.pages().put(address, own.pages().get(address));
      }
      int inParent = own.writeOver(last, vpid, parent);
      assertThat(inParent).isBetween(100, own.pages().size() - 1);
      Files.createSymbolicLink(last.resolve("parent"), Path.of("..").resolve(newest.getFileName()));

      succeeded(criuRestore(last));

      target.signal(SIGCONT);
      assertThat(target.check()).isEqualTo(what.startsWith("control") ? "wrong: sum" : "right");
      target.signal(SIGKILL);
    }
  }

  private static long aWordPageThatDiffers(RawMemory own, RawMemory parent, CriuImages images) {
    PrivateMapping words =
        images.tasks().get(0).privateMappings().stream()
            .max(Comparator.comparingLong(m -> m.end() - m.start()))
            .orElseThrow();
    return own.pages().entrySet().stream()
        .filter(p -> p.getKey() >= words.start() && p.getKey() < words.end())
        .filter(p -> !Arrays.equals(p.getValue(), parent.pages().get(p.getKey())))
        .map(Map.Entry::getKey)
        .findFirst()
        .orElseThrow();
  }

  private static Path newestRound(Path chain) throws IOException {
    try (Stream<Path> rounds = Files.list(chain)) {
      return rounds.sorted().reduce((a, b) -> b).orElseThrow();
    }
  }

  private Ended criuRestore(Path directory) throws IOException {
    return Programs.run(
        work,
        List.of(
            StockCriu.program().path().toString(),
            "restore",
            "-D",
            directory.toString(),
            "-W",
            work.toString(),
            "-d"));
  }
}
