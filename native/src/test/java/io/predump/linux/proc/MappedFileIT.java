package io.predump.linux.proc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.predump.linux.AddressRange;
import io.predump.linux.NativeBuffer;
import io.predump.linux.testkit.CProgram;
import io.predump.linux.testkit.LiveTarget;
import java.io.IOException;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("linux-6.1")
@Tag("linux-6.12")
class MappedFileIT {
  @Test
  void sharedMemoryWithoutANameIsReadByItsExtents() throws IOException {
    try (LiveTarget target =
            LiveTarget.start(CProgram.resource(LiveTarget.class, "memory.c"), "64");
        NativeBuffer local = NativeBuffer.allocate(4096)) {
      long start = Long.parseUnsignedLong(target.nextLine(), 16);
      target.ask("s 30 4");
      AddressRange range = new AddressRange(start + 30 * 4096, start + 34 * 4096);
      try (MappedFile file = MappedFile.open(target.pid(), range)) {
        assertThat(file.size()).isEqualTo(4 * 4096);
        assertThat(file.extents())
            .containsExactly(
                new MappedFile.Extent(0, 4096), new MappedFile.Extent(3 * 4096, 4 * 4096));
        assertThat(file.pread(local.address(), 4096, 3 * 4096)).isEqualTo(4096);
        assertThat(local.bytes().get(0)).isEqualTo((byte) 't');
      }
      Vma vma = java.util.Objects.requireNonNull(MemoryMap.read(target.pid()).find(range.start()));
      assertThat(vma.shared()).isTrue();
      assertThat(vma.name()).isEqualTo("/memfd:predump test (deleted)");
      assertThatThrownBy(
              () -> MappedFile.open(target.pid(), new AddressRange(range.start(), range.end() + 1)))
          .hasMessageEndingWith(": ENOENT");
    }
  }
}
