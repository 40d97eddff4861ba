package io.predump.images;

import static io.predump.images.TestChains.PAGE;
import static io.predump.images.TestCriu.entry;
import static io.predump.images.TestCriu.process;
import static io.predump.images.TestCriu.vma;
import static io.predump.images.VmaImage.STATUS_AIORING;
import static io.predump.images.VmaImage.STATUS_ANON_PRIVATE;
import static io.predump.images.VmaImage.STATUS_ANON_SHARED;
import static io.predump.images.VmaImage.STATUS_FILE_PRIVATE;
import static io.predump.images.VmaImage.STATUS_GUARD;
import static io.predump.images.VmaImage.STATUS_REGULAR;
import static io.predump.images.VmaImage.STATUS_VDSO;
import static io.predump.images.VmaImage.STATUS_VSYSCALL;
import static io.predump.images.VmaImage.STATUS_VVAR;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.predump.images.CriuTask.PrivateMapping;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which private memory CRIU's images speak of. */
class CriuImagesTest {
  private static final int ANON = STATUS_REGULAR | STATUS_ANON_PRIVATE;
  private static final int FILE = STATUS_REGULAR | STATUS_FILE_PRIVATE;

  @TempDir Path temp;
  private Path dir = Path.of("");

  @BeforeEach
  void writeImages() throws IOException {
    dir = Files.createDirectory(temp.resolve("0002")).resolve("criu");
    Files.createDirectory(dir);
    TestCriu.pstree(dir, process(42, 0), process(43, 42), process(44, 42));
    TestCriu.mm(
        dir,
        42,
        vma(0x10000, 4, FILE),
        vma(0x20000, 4, ANON),
        vma(0x30000, 4, STATUS_REGULAR | STATUS_ANON_SHARED),
        vma(0x40000, 1, STATUS_AIORING),
        vma(0x50000, 4, ANON | STATUS_VVAR),
        vma(0x60000, 2, ANON | STATUS_VDSO),
        vma(0x70000, 8, ANON),
        vma(0xffff_ffff_ff60_0000L, 1, STATUS_ANON_PRIVATE | STATUS_VSYSCALL));
    TestCriu.pagemap(dir, 42, 2, entry(0x20000, 2, 6), entry(0x60000, 2, 4));
    TestCriu.mm(dir, 44, vma(0x20000, 4, ANON));
    TestCriu.pagemap(dir, 44, 3);
  }

  @Test
  void listsProcessesWithMemoryAndTheMappingsARestoreFills() throws IOException {
    assertThat(CriuImages.open(dir).tasks())
        .containsExactly(
            new CriuTask(
                42,
                0,
                2,
                List.of(
                    new PrivateMapping(0x10000, 0x14000, false),
                    new PrivateMapping(0x20000, 0x24000, true),
                    new PrivateMapping(0x40000, 0x41000, false),
                    new PrivateMapping(0x60000, 0x62000, true),
                    new PrivateMapping(0x70000, 0x78000, true))),
            new CriuTask(44, 42, 3, List.of(new PrivateMapping(0x20000, 0x24000, true))));
  }

  @Test
  void namesEveryNumberThatIsNeededAgain() throws IOException {
    TestCriu.pstree(
        dir, process(42, 0).toBuilder().addThreads(50).build(), process(43, 42), process(44, 42));
    CriuImages images = CriuImages.open(dir);
    assertThat(images.rootVpid()).isEqualTo(42);
    assertThat(images.ids()).containsExactly(42, 50, 43, 44);
  }

  @Test
  void guardPagesAreCutOutWhereverTheyLie() throws IOException {
    TestCriu.mm(
        dir,
        44,
        vma(0x20000, 8, ANON),
        vma(0x30000, 4, ANON),
        vma(0x40000, 4, ANON),
        // after all others, whatever their addresses
        vma(0x32000, 2, STATUS_GUARD),
        vma(0x20000, 1, STATUS_GUARD),
        vma(0x24000, 2, STATUS_GUARD),
        vma(0x40000, 4, STATUS_GUARD));
    assertThat(CriuImages.open(dir).tasks().get(1).privateMappings())
        .containsExactly(
            new PrivateMapping(0x21000, 0x24000, true),
            new PrivateMapping(0x26000, 0x28000, true),
            new PrivateMapping(0x30000, 0x32000, true));
  }

  @Test
  void whatIsMissingOrWrongIsNamed() throws IOException {
    TestCriu.pstree(dir, process(42, 0), process(42, 0));
    refused("pstree.img: pid=42: not a pid, or twice");
    TestCriu.pstree(dir, process(0, 0));
    refused("pstree.img: pid=0: not a pid, or twice");
    TestCriu.pstree(dir, process(43, 0));
    refused("pstree.img: no process with memory");
    TestCriu.pstree(dir);
    refused("pstree.img: no process with memory");
    TestCriu.pstree(dir, process(42, 0), process(44, 42));

    TestCriu.pagemap(dir, 44, 2);
    refused("pagemap-44.img: record at offset 8: pages_id=2: another's too, or none");
    TestCriu.pagemap(dir, 44, 0);
    refused("pagemap-44.img: record at offset 8: pages_id=0: another's too, or none");
    Files.delete(dir.resolve("pagemap-44.img"));
    refused("pagemap-44.img: missing");
    TestCriu.pagemap(dir, 44, 3);

    TestCriu.mm(dir, 44, vma(0x30000, 4, ANON), vma(0x20000, 4, ANON));
    refused("mm-44.img: vma 1: 0x20000-0x24000: not ascending, page aligned ranges");
    TestCriu.mm(dir, 44, vma(0x30001, 4, ANON));
    refused("mm-44.img: vma 0: 0x30001-0x34001: not ascending, page aligned ranges");
    TestCriu.mm(dir, 44, vma(0x30000, 0, STATUS_GUARD));
    refused("mm-44.img: vma 0: 0x30000-0x30000: not ascending, page aligned ranges");
    TestCriu.mm(dir, 44, vma(0x30000, 4, ANON));

    byte[] pstree = Files.readAllBytes(dir.resolve("pstree.img"));
    Files.write(dir.resolve("pstree.img"), Arrays.copyOf(pstree, pstree.length - 1));
    refused("pstree.img: record length at offset 22: left=9 actual=10");
    Files.write(dir.resolve("pstree.img"), Arrays.copyOf(pstree, 10));
    refused("pstree.img: truncated at offset 10");
    Files.delete(dir.resolve("pstree.img"));
    refused("pstree.img: missing");
    Files.write(dir.resolve("pstree.img"), pstree);
    assertThat(CriuImages.open(dir).tasks()).hasSize(2);
  }

  private void refused(String message) {
    assertThatThrownBy(() -> CriuImages.open(dir))
        .isInstanceOf(ImageCorruptException.class)
        .hasMessage("0002/criu/" + message);
  }

  @Test
  void aPagemapThatNeedsAnotherDirectoryIsNotOfAWholeDump() throws IOException {
    Path file = dir.resolve("pagemap-42.img");
    for (int flags : new int[] {0, 1, 3, 5, 8}) {
      TestCriu.pagemap(dir, 42, 2, entry(0x20000, 2, flags));
      PagemapReader entries = PagemapReader.ofCriu(file, Files.readAllBytes(file));
      assertThatThrownBy(entries::next)
          .isInstanceOf(ImageCorruptException.class)
          .hasMessage("0002/criu/pagemap-42.img: record at offset 14: flags=" + flags);
    }
    TestCriu.pagemap(dir, 42, 2, entry(0x20000, 2, 6), entry(0x30000, 1, 2), entry(0x40000, 1, 4));
    PagemapReader entries = PagemapReader.ofCriu(file, Files.readAllBytes(file));
    StringBuilder seen = new StringBuilder();
    while (entries.next()) {
      seen.append(entries.isLazy() ? "lazy " : "present ").append(entries.end() / PAGE).append(' ');
    }
    assertThat(seen.toString()).isEqualTo("present 34 lazy 49 present 65 ");
  }
}
