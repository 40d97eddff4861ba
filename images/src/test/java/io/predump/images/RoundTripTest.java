package io.predump.images;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is written is read back, by us and by the zstd program. */
class RoundTripTest {
  private static final int PAGE = TestChains.PAGE;
  private static final long BASE = 0x7000_0000_0000L;
  private static final int SPACE_PAGES = 600;

  @TempDir Path temp;

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20261123})
  void randomLayoutsOverSeveralRounds(long seed) throws IOException {
    Random random = new Random(seed);
    Path dir = temp.resolve("chain");
    ChainDirectory chain = ChainDirectory.openOrCreate(dir);
    SortedMap<Long, byte[]> memory = new TreeMap<>();
    Map<Long, Integer> roundOf = new HashMap<>();
    int rounds = 1 + random.nextInt(6);
    for (int round = 1; round <= rounds; round++) {
      boolean full = round == 1 || random.nextInt(5) == 0;
      if (full) {
        roundOf.clear();
      }
      mutate(random, memory, roundOf);
      List<byte[]> present = writeRound(chain, random, round, full, memory, roundOf);
      assertThat(zstd(dir.resolve(String.format("%04d/pages-1.img.zst", round))))
          .as("zstd -dc, seed=%d round=%d", seed, round)
          .isEqualTo(concat(present));
    }
    SortedMap<Long, byte[]> actual = TestChains.read(dir, TestChains.NAME);
    assertThat(actual.keySet()).as("seed=%d", seed).isEqualTo(memory.keySet());
    for (Map.Entry<Long, byte[]> e : memory.entrySet()) {
      assertThat(actual.get(e.getKey()))
          .as("seed=%d 0x%x", seed, e.getKey())
          .isEqualTo(e.getValue());
    }
    try (ImageChain images = ImageChain.open(dir)) {
      ResolvedPages pages = images.pages(TestChains.NAME);
      assertThat(pages.pageCount()).isEqualTo(memory.size());
      for (long p = -1; p <= SPACE_PAGES; p++) {
        long address = BASE + p * PAGE;
        assertThat(pages.roundOf(address))
            .as("seed=%d 0x%x", seed, address)
            .isEqualTo(roundOf.getOrDefault(address, -1));
      }
    }
    assertThat(new ChainVerifier(2).verify(dir).problems()).as("seed=%d", seed).isEmpty();
  }

  /** Writes, adds and drops pages; what is not in {@code roundOf} must be stored. */
  private static void mutate(
      Random random, SortedMap<Long, byte[]> memory, Map<Long, Integer> roundOf) {
    for (int i = 0; i < 40; i++) {
      int start = random.nextInt(SPACE_PAGES);
      int length = Math.min(SPACE_PAGES - start, 1 + random.nextInt(30));
      boolean drop = random.nextInt(3) == 0;
      for (int p = start; p < start + length; p++) {
        long address = BASE + (long) p * PAGE;
        roundOf.remove(address);
        if (drop) {
          memory.remove(address);
        } else {
          byte[] page = random.nextBoolean() ? TestChains.page(random.nextLong()) : new byte[PAGE];
          if (random.nextInt(4) == 0) {
            random.nextBytes(page);
          }
          memory.put(address, page);
        }
      }
    }
  }

  private static List<byte[]> writeRound(
      ChainDirectory chain,
      Random random,
      int round,
      boolean full,
      SortedMap<Long, byte[]> memory,
      Map<Long, Integer> roundOf)
      throws IOException {
    List<byte[]> present = new ArrayList<>();
    try (RoundWriter w =
        RoundWriter.begin(chain, full ? OptionalInt.empty() : OptionalInt.of(round - 1))) {
      PagesWriter p = w.pages(TestChains.NAME);
      for (Map.Entry<Long, byte[]> e : memory.entrySet()) {
        boolean parent = roundOf.containsKey(e.getKey());
        p.entry(e.getKey(), 1, parent ? PageKind.PARENT : PageKind.PRESENT);
        if (!parent) {
          present.add(e.getValue());
          roundOf.put(e.getKey(), round);
        }
      }
      TestChains.append(p, present, 1 + random.nextInt(256));
      p.finish();
      w.mm(TestChains.PID, TestChains.mm(BASE, SPACE_PAGES));
      w.commit(TestChains.draft(false), TestChains.record(round, 0));
    }
    return present;
  }

  @Test
  void zstdMakesAnEmptyFileOfARoundWithoutPages() throws IOException {
    Path dir = temp.resolve("chain");
    ChainDirectory chain = ChainDirectory.openOrCreate(dir);
    try (RoundWriter w = RoundWriter.begin(chain, OptionalInt.empty())) {
      w.pages(TestChains.NAME).finish();
      w.mm(TestChains.PID, TestChains.mm(BASE, 1));
      w.commit(TestChains.draft(false), TestChains.record(1, 0));
    }
    assertThat(zstd(dir.resolve("0001/pages-1.img.zst"))).isEmpty();
    assertThat(TestChains.read(dir, TestChains.NAME)).isEmpty();
    assertThat(new ChainVerifier(1).verify(dir).problems()).isEmpty();
  }

  private static byte[] concat(List<byte[]> pages) {
    byte[] all = new byte[pages.size() * PAGE];
    for (int i = 0; i < pages.size(); i++) {
      System.arraycopy(pages.get(i), 0, all, i * PAGE, PAGE);
    }
    return all;
  }

  /** Output of the real program. */
  private byte[] zstd(Path file) throws IOException {
    boolean found =
        Arrays.stream(System.getenv("PATH").split(":", -1))
            .anyMatch(d -> Files.isExecutable(Path.of(d, "zstd")));
    Assumptions.assumeTrue(found, "the zstd program is not installed");
    Path errors = temp.resolve("zstd-errors");
    Process process =
        new ProcessBuilder("zstd", "-dc", file.toString()).redirectError(errors.toFile()).start();
    byte[] out;
    try (InputStream in = process.getInputStream()) {
      out = in.readAllBytes();
    }
    try {
      assertThat(process.waitFor()).as(() -> "zstd -dc " + file).isZero();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
    assertThat(Files.readString(errors)).isEmpty();
    return out;
  }
}
