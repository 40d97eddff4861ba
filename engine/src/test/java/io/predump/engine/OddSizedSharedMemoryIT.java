package io.predump.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.predump.images.ImageChain;
import io.predump.images.PagesName;
import io.predump.images.ResolvedPages;
import io.predump.images.VmaImage;
import io.predump.linux.proc.MemoryMap;
import io.predump.linux.proc.Vma;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Shared memory that ends in the middle of a page. */
@Tag("linux-6.1")
@Tag("linux-6.12")
final class OddSizedSharedMemoryIT {
  private static final int PAGE = PageTable.PAGE_BYTES;

  @TempDir Path directory;

  @ParameterizedTest(name = "rewritten before the freeze={0}")
  @ValueSource(booleans = {false, true})
  void isHeldToItsLastByte(boolean rewritten) throws IOException {
    Path images = directory.resolve("images");
    try (LiveTarget target = Targets.ready("oddshared")) {
      VerifyResult verify;
      try (PreDumpSession session =
          PreDumpSession.attach(target.pid(), images, SessionOptions.defaults("test"))) {
        assertThat(session.round()).isPresent();
        assertThat(session.round()).isPresent();
        if (rewritten) {
          assertThat(target.ask("again")).isEqualTo("done");
        }
        verify = session.finish(true).orElseThrow().verify().orElseThrow();
      }
      assertThat(verify.firstDifferences()).isEmpty();
      assertThat(verify.different()).isZero();

      byte expected = (byte) (rewritten ? 2 : 1);
      try (ImageChain chain = ImageChain.open(images)) {
        assertHeld(chain, target, "/memfd:odd", 5000, expected);
        assertHeld(chain, target, "/dev/shm/predump-oddshared", 56, expected);
      }
    }
  }

  /** Asks the images: the two lie on different devices, and their inodes may be the same number. */
  private static long idOf(ImageChain chain, LiveTarget target, String name) throws IOException {
    long start =
        MemoryMap.read(target.pid()).vmas().stream()
            .filter(vma -> vma.name().startsWith(name))
            .mapToLong(Vma::start)
            .findFirst()
            .orElseThrow();
    return chain.newest().mm(target.pid().number()).orElseThrow().vmas().stream()
        .filter(vma -> vma.start() == start)
        .mapToLong(VmaImage::sharedId)
        .findFirst()
        .orElseThrow();
  }

  private static void assertHeld(
      ImageChain chain, LiveTarget target, String name, int bytes, byte expected)
      throws IOException {
    ResolvedPages pages = chain.pages(PagesName.ofShared(idOf(chain, target, name)));
    assertThat(pages.pageCount()).isEqualTo((bytes + PAGE - 1) / PAGE);
    for (int offset = 0; offset < bytes; offset += PAGE) {
      ByteBuffer page = ByteBuffer.allocate(PAGE);
      assertThat(pages.read(offset, page)).isTrue();
      for (int i = 0; i < Math.min(PAGE, bytes - offset); i++) {
        assertThat(page.get(i)).as("byte %d", offset + i).isEqualTo(expected);
      }
    }
  }
}
