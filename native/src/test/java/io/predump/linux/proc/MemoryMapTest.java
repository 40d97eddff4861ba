package io.predump.linux.proc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.predump.linux.AddressRange;
import io.predump.linux.Pid;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MemoryMapTest {
  private static final String MAPS =
      """
          00400000-00452000 r-xp 00000000 08:02 173521                             /usr/bin/my prog
          01000000-01021000 rw-p 00000000 00:00 0                                  [heap]
          7f0000000000-7f0000001000 rw-s 00001000 00:01 18446744073709551615       /dev/zero (deleted)
          7f0000001000-7f0000002000 rw-p 00000000 00:05 5                          /dev/zero
          7f0000002000-7f0000003000 ---p 00000000 00:00 0\s
          7f0000003000-7f0000004000 rw-p 00000000 00:00 0                          [anon:my heap]
          7f0000004000-7f0000005000 rw-s 00000000 00:01 7                          [anon_shmem:x]
          7f0000005000-7f0000006000 rw-p 00000000 103:7f 99                        /tmp/a\\012b (deleted)
          7f0000006000-7f0000007000 rw-s 00000000 00:0f 12                         anon_inode:[io_uring]
          7f0000007000-7f0000008000 rw-s 00000000 00:10 13                         /[aio] (deleted)
          7f0000008000-7f0000009000 rw-s 00000000 00:06 14                         /dev/nvidia0
          7f0000009000-7f000000a000 rw-s 00000000 00:18 15                         /dev/shm/x
          7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0                          [stack]
          7ffd00030000-7ffd00032000 r-xp 00000000 00:00 0                          [vdso]
          ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
          """;

  private static Vma vma(int index) {
    return MemoryMap.parse(MAPS).vmas().get(index);
  }

  @Test
  void linesBecomeMappings() {
    assertThat(vma(0))
        .isEqualTo(
            new Vma(
                new AddressRange(0x400000, 0x452000),
                true,
                false,
                true,
                false,
                0,
                8,
                2,
                173521,
                "/usr/bin/my prog"));
    assertThat(MemoryMap.parse(MAPS).vmas()).hasSize(15);
    assertThat(MemoryMap.parse(MAPS.stripTrailing()).vmas())
        .isEqualTo(MemoryMap.parse(MAPS).vmas());
    assertThat(MemoryMap.parse("").vmas()).isEmpty();
    assertThat(vma(2).inode()).isEqualTo(-1);
    assertThat(vma(2).toString())
        .isEqualTo(
            "7f0000000000-7f0000001000 rw-s 00001000 00:01 18446744073709551615 /dev/zero"
                + " (deleted)");
    assertThat(vma(7).name()).isEqualTo("/tmp/a\\012b (deleted)");
    assertThat(vma(7).deviceMajor()).isEqualTo(0x103);
  }

  @Test
  void kindsAreToldApart() {
    assertThat(kinds(0)).isEqualTo("file");
    assertThat(kinds(1)).isEqualTo("anon heap");
    assertThat(kinds(2)).isEqualTo("deleted");
    assertThat(kinds(3)).isEqualTo("anon");
    assertThat(kinds(4)).isEqualTo("anon");
    assertThat(kinds(5)).isEqualTo("anon");
    assertThat(kinds(6)).isEqualTo("");
    assertThat(kinds(7)).isEqualTo("file deleted");
    assertThat(kinds(8)).isEqualTo("special");
    assertThat(kinds(9)).isEqualTo("special deleted");
    assertThat(kinds(10)).isEqualTo("special");
    assertThat(kinds(11)).isEqualTo("");
    assertThat(kinds(12)).isEqualTo("anon stack");
    assertThat(kinds(13)).isEqualTo("special vdso");
    assertThat(kinds(14)).isEqualTo("special");
  }

  private static String kinds(int index) {
    Vma vma = vma(index);
    return ((vma.isAnonymousPrivate() ? "anon " : "")
            + (vma.isFilePrivate() ? "file " : "")
            + (vma.isSpecial() ? "special " : "")
            + (vma.isHeap() ? "heap " : "")
            + (vma.isStack() ? "stack " : "")
            + (vma.isVdso() ? "vdso " : "")
            + (vma.isDeleted() ? "deleted " : ""))
        .trim();
  }

  @Test
  void addressesAreFoundUnsigned() {
    MemoryMap map = MemoryMap.parse(MAPS);

    assertThat(map.find(0x400000)).isEqualTo(vma(0));
    assertThat(map.find(0x451fff)).isEqualTo(vma(0));
    assertThat(map.find(0x452000)).isNull();
    assertThat(map.find(0)).isNull();
    assertThat(map.find(0xffffffffff600fffL)).isEqualTo(vma(14));
    assertThat(map.find(-1)).isNull();
  }

  @Test
  void mergedMeanwhileMeansCutNotOverlapping() {
    MemoryMap map =
        MemoryMap.parse(
            """
          1000-3000 rw-p 00000000 00:00 0
          2000-3000 rw-p 00000000 00:00 0
          2000-5000 rw-p 00004000 08:01 7 /f
          """);

    assertThat(map.vmas().stream().map(Vma::toString))
        .containsExactly("1000-3000 rw-p 00000000 00:00 0", "3000-5000 rw-p 00005000 08:01 7 /f");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "1000",
        "1000-",
        "2000-1000 rw-p 00000000 00:00 0",
        "1000-2000 rw-",
        "1000-2000 rwzp 00000000 00:00 0",
        "1000-2000 rw-p 00000000 0000 0",
        "1000-2000 rw-p 00000000 00:00 18446744073709551616 /x",
        "1000-10000000000000000 rw-p 00000000 00:00 0",
        "1000-2000 rw-p  00:00 0",
        "hello"
      })
  void aLineThatIsNoneIsNamed(String line) {
    assertThatThrownBy(() -> MemoryMap.parse(line))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("not a line of /proc/PID/maps: " + line);
  }

  @Test
  void bytesThatAreNoUtf8DoNotStopTheParser() {
    byte[] maps = "1000-2000 rw-p 00000000 08:01 7 /x?y\n".getBytes(StandardCharsets.UTF_8);
    maps[maps.length - 3] = (byte) 0xff;

    assertThat(MemoryMap.parse(maps).vmas().get(0).name()).isEqualTo("/x\ufffdy");
  }

  @Test
  void ourOwnMapIsRead() throws IOException {
    MemoryMap map = MemoryMap.read(Pid.self());

    assertThat(map.vmas()).anyMatch(Vma::isVdso).anyMatch(Vma::isFilePrivate);
    List<Vma> vmas = map.vmas();
    for (int i = 1; i < vmas.size(); i++) {
      assertThat(Long.compareUnsigned(vmas.get(i - 1).end(), vmas.get(i).start()))
          .isLessThanOrEqualTo(0);
    }
    assertThat(Smaps.read(Pid.self()).entries()).anyMatch(entry -> entry.flags().contains("rd"));
  }

  @Test
  void smapsKeepsUnknownFlags() {
    Smaps smaps =
        Smaps.parse(
            """
          1000-2000 rw-p 00000000 00:00 0    [heap]
          Size:                  4 kB
          KernelPageSize:        4 kB
          Rss:                   4 kB
          Swap:                  8 kB
          VmFlags: rd wr zz uw\s
          200000-600000 rw-p 00000000 00:0f 3  /anon_hugepage (deleted)
          KernelPageSize:     2048 kB
          """
                .getBytes(StandardCharsets.UTF_8));

    Smaps.Entry heap = java.util.Objects.requireNonNull(smaps.entry(0x1000));
    assertThat(heap.flags()).containsExactly("rd", "wr", "zz", "uw");
    assertThat(heap.hasUserfaultfd()).isTrue();
    assertThat(heap.rssBytes()).isEqualTo(4096);
    assertThat(heap.swapBytes()).isEqualTo(8192);
    Smaps.Entry huge = java.util.Objects.requireNonNull(smaps.entry(0x200000));
    assertThat(huge.kernelPageBytes()).isEqualTo(2 << 20);
    assertThat(huge.vma().isAnonymousHugetlb()).isTrue();
    assertThat(huge.hasUserfaultfd()).isFalse();
    assertThat(smaps.entry(0x1001)).isNull();
  }
}
