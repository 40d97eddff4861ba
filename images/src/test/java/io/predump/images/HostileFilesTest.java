package io.predump.images;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;

import com.google.protobuf.ByteString;
import io.predump.proto.PagemapEntry;
import io.predump.proto.RoundManifest;
import io.predump.proto.RoundPagesFile;
import io.predump.proto.RoundSmallFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Files whose hashes are right and whose content is not: every one ends in an {@link
 * ImageException}.
 */
class HostileFilesTest {
  private static final Path FILE = Path.of("0001/file.img");

  @TempDir Path temp;
  private Path dir = Path.of("");

  @BeforeEach
  void writeChain() throws IOException {
    dir = temp.resolve("chain");
    TestChains.twoRounds(dir);
  }

  private interface Decoder {
    void decode(byte[] bytes) throws IOException;
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3})
  void randomDamageNeverEscapesAsAnotherException(long seed) throws IOException {
    Random random = new Random(seed);
    Path round = dir.resolve("0002");
    fuzz(
        random,
        "mm-42.img",
        Files.readAllBytes(round.resolve("mm-42.img")),
        b -> ImageFiles.mm(FILE, b));
    fuzz(
        random,
        "inventory.img",
        Files.readAllBytes(round.resolve("inventory.img")),
        b -> ImageFiles.inventory(FILE, b));
    fuzz(
        random,
        "stats-dump",
        Files.readAllBytes(round.resolve("stats-dump")),
        b -> ImageFiles.statistics(FILE, b));
    fuzz(
        random,
        "pagemap",
        Files.readAllBytes(round.resolve("pagemap-42.img")),
        b -> {
          PagemapReader reader = new PagemapReader(FILE, b);
          while (reader.next()) {
            assertThat(reader.pageCount()).isPositive();
          }
        });
    fuzz(
        random,
        "round.img",
        Files.readAllBytes(round.resolve("round.img")),
        b -> {
          if (b.length >= 32) {
            sign(b);
          }
          ManifestFile.decode(FILE, b);
        });
  }

  private static void fuzz(Random random, String name, byte[] good, Decoder decoder)
      throws IOException {
    decoder.decode(good.clone());
    int rejected = 0;
    for (int i = 0; i < 4_000; i++) {
      byte[] bad = good.clone();
      if (random.nextInt(4) == 0) {
        bad = Arrays.copyOf(bad, random.nextInt(bad.length + 8));
      }
      for (int k = random.nextInt(4); k >= 0 && bad.length > 0; k--) {
        bad[random.nextInt(bad.length)] = (byte) random.nextInt();
      }
      try {
        decoder.decode(bad);
      } catch (ImageException e) {
        rejected++;
      } catch (RuntimeException e) {
        fail("%s: iteration %d: %s", name, i, Digests.hex(bad), e);
      }
    }
    assertThat(rejected).isGreaterThan(200);
  }

  /** Replaces the last 32 bytes by the hash of the others. */
  private static void sign(byte[] b) {
    MessageDigest sha = Digests.sha256();
    sha.update(b, 0, b.length - 32);
    System.arraycopy(sha.digest(), 0, b, b.length - 32, 32);
  }

  @Test
  void manifestContentIsCheckedBeforeUse() throws IOException {
    rejects("manifest: round=0", m -> m.setRound(0));
    rejects("manifest: round=4294967295", m -> m.setRound(-1));
    rejects("manifest: round=2 parent=2: not the round before", m -> m.setParentRound(2));
    rejects("manifest: parent round and parent sha256: one of two", m -> m.clearParentSha256());
    rejects("manifest: parent sha256: sha256 bytes=0", m -> m.setParentSha256(ByteString.EMPTY));
    for (String name :
        new String[] {
          "../x",
          "a/b",
          "",
          ".hidden",
          "parent",
          "a\0b",
          "criu",
          "criu/",
          "criu/..",
          "criu/../x",
          "criu/a/b",
          "criu/criu/a",
          "criu/.hidden",
          "criu//a",
          "/criu/a",
          "criu/a b"
        }) {
      rejects("manifest: file name=" + name, m -> m.addSmallFiles(small(name)));
    }
    rejects("manifest: criu version and criu mode: one of two", m -> m.setCriuVersion("4.2"));
    rejects("manifest: criu version and criu mode: one of two", m -> m.setCriuMode("veil"));
    rejects(
        "manifest: criu version and files in criu/: one of two",
        m -> m.setCriuVersion("4.2").setCriuMode("veil"));
    rejects(
        "manifest: criu version and files in criu/: one of two",
        m -> m.addSmallFiles(small("criu/mm-42.img")));
    rejects(
        "manifest: criu mode=veils",
        m -> m.setCriuVersion("4.2").setCriuMode("veils").addSmallFiles(small("criu/x")));
    rejects("manifest: file name=round.img: twice", m -> m.addSmallFiles(small("round.img")));
    rejects("manifest: file name=mm-42.img: twice", m -> m.addSmallFiles(small("mm-42.img")));
    rejects("manifest: x: bytes=-1", m -> m.addSmallFiles(small("x").setBytes(-1)));
    rejects(
        "manifest: pages file 1 is called pages-0.img.zst",
        m -> m.setPagesFiles(0, pages(m, 0).setName("pages-0.img.zst")));
    rejects(
        "manifest: pages-1.img.zst: pagemap=pagemap-7.img",
        m -> m.setPagesFiles(0, pages(m, 0).setPagemap("pagemap-7.img")));
    rejects(
        "manifest: pages-1.img.zst: bytes expected=108 actual=109",
        m -> m.setPagesFiles(0, pages(m, 0).setBytes(109)));
    rejects(
        "manifest: pages-1.img.zst: frame 0 compressed bytes=83 source bytes=4097",
        m -> m.setPagesFiles(0, pages(m, 0).setFrameSourceBytes(0, 4097)));
    rejects(
        "manifest: pages-1.img.zst: frame 0 compressed bytes=4294967295 source bytes=8192",
        m -> m.setPagesFiles(0, pages(m, 0).setFrameCompressedBytes(0, -1)));
    rejects(
        "manifest: pages-1.img.zst: frames=2 sizes=1 digest bytes=16",
        m -> m.setPagesFiles(0, pages(m, 0).addFrameCompressedBytes(1)));
  }

  private static RoundSmallFile.Builder small(String name) {
    return RoundSmallFile.newBuilder()
        .setName(name)
        .setBytes(1)
        .setSha256(ByteString.copyFrom(new byte[32]));
  }

  private static RoundPagesFile.Builder pages(RoundManifest.Builder m, int i) {
    return m.getPagesFiles(i).toBuilder();
  }

  private void rejects(String detail, UnaryOperator<RoundManifest.Builder> change)
      throws IOException {
    byte[] good = Files.readAllBytes(dir.resolve("0002/round.img"));
    RoundManifest.Builder m =
        RoundManifest.parseFrom(ByteBuffer.wrap(good, 16, good.length - 48)).toBuilder();
    byte[] message = change.apply(m).build().toByteArray();
    byte[] bad =
        ByteBuffer.allocate(16 + message.length + 32)
            .order(ByteOrder.LITTLE_ENDIAN)
            .put(good, 0, 12)
            .putInt(message.length)
            .put(message)
            .array();
    sign(bad);
    assertThatThrownBy(() -> ManifestFile.decode(Path.of("0002/round.img"), bad))
        .isInstanceOf(ImageCorruptException.class)
        .hasMessage("0002/round.img: " + detail);
  }

  @Test
  void wrongMagicsAreNamedWithTheirOffset() throws IOException {
    byte[] mm = Files.readAllBytes(dir.resolve("0001/mm-42.img"));
    mm[4] ^= 1;
    assertThatThrownBy(() -> ImageFiles.mm(FILE, mm))
        .isInstanceOf(ImageCorruptException.class)
        .hasMessage("0001/file.img: magic at offset 4: expected=57492820 actual=57492821");
  }

  @Test
  void pagemapEntriesAreChecked() throws IOException {
    // CRIU 4.2 writes 0 into the old count, up to 4.1 there is no new one, and older ones knew no
    // flags
    assertThat(runs(entry(0x1000, 0, -1, 4, 3))).isEqualTo("0x1000+3 PRESENT ");
    assertThat(runs(entry(0x1000, 3, -1, 4, -1))).isEqualTo("0x1000+3 PRESENT ");
    assertThat(runs(entry(0x1000, 3, 1, -1, -1))).isEqualTo("0x1000+3 PARENT ");
    rejectsEntries("compat_nr_pages=2 nr_pages=3", entry(0x1000, 2, -1, 4, 3));
    rejectsEntries("compat_nr_pages=-1 nr_pages=3", entry(0x1000, -1, -1, 4, 3));
    rejectsEntries("flags=5", entry(0x1000, 3, -1, 5, 3));
    rejectsEntries("flags=6", entry(0x1000, 3, -1, 6, 3));
    rejectsEntries("flags=0", entry(0x1000, 3, -1, -1, 3));
    rejectsEntries(
        "vaddr=0x1001 pages=3: not aligned, empty, or below 0x0", entry(0x1001, 3, -1, 4, 3));
    rejectsEntries(
        "vaddr=0x1000 pages=0: not aligned, empty, or below 0x0", entry(0x1000, 0, -1, 4, 0));
    rejectsEntries(
        "vaddr=0x2000 pages=1: not aligned, empty, or below 0x4000",
        entry(0x1000, 3, -1, 4, 3),
        entry(0x2000, 1, -1, 4, 1));
    rejectsEntries(
        "vaddr=0xfffffffffffff000 pages=2: not aligned, empty, or below 0x0",
        entry(0xffff_ffff_ffff_f000L, 2, -1, 4, 2));
  }

  private static byte[] entry(long vaddr, int compat, int inParent, int flags, long pages)
      throws IOException {
    var e = PagemapEntry.newBuilder().setVaddr(vaddr);
    if (compat >= 0) {
      e.setCompatNrPages(compat);
    }
    if (inParent >= 0) {
      e.setInParent(inParent == 1);
    }
    if (flags >= 0) {
      e.setFlags(flags);
    }
    if (pages >= 0) {
      e.setNrPages(pages);
    }
    return e.buildPartial().toByteArray();
  }

  private static byte[] pagemap(byte[]... entries) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    u32(out, ImageFiles.MAGIC_COMMON);
    u32(out, ImageFiles.MAGIC_PAGEMAP);
    u32(out, 2);
    out.write(new byte[] {8, 1});
    for (byte[] e : entries) {
      u32(out, e.length);
      out.write(e);
    }
    return out.toByteArray();
  }

  private static void u32(ByteArrayOutputStream out, int value) throws IOException {
    out.write(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array());
  }

  private static String runs(byte[]... entries) throws IOException {
    PagemapReader reader = new PagemapReader(FILE, pagemap(entries));
    StringBuilder s = new StringBuilder();
    while (reader.next()) {
      s.append(String.format("0x%x+%d %s ", reader.vaddr(), reader.pageCount(), reader.kind()));
    }
    return s.toString();
  }

  private static void rejectsEntries(String detail, byte[]... entries) {
    assertThatThrownBy(() -> runs(entries))
        .isInstanceOf(ImageCorruptException.class)
        .hasMessageEndingWith(": " + detail);
  }
}
